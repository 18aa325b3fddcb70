import CloudModel
import Foundation
import Tokens

/// The cache's directory: `<image id>.<SHA-512>` is a whole image, verified before it got that name; `<image id>.<number>.part` is one on
/// its way, which is worth nothing after a restart. A file's time of modification is when it was used last.
struct CacheFiles: Sendable {
    let directory: String

    /// Makes the directory, readable by its owner alone, and removes the parts that an earlier process left. Throws where nothing can
    /// be kept there.
    init(directory: String) throws {
        self.directory = directory
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard access(directory, R_OK | W_OK | X_OK) == 0 else { throw FileFailure("access(2)", directory) }
        for name in try names() where name.hasSuffix(Self.part) { unlink("\(directory)/\(name)") }
    }

    func path(of image: ImageID, _ facts: ImageFacts) -> String { "\(directory)/\(image).\(facts.sha512)" }
    /// - Parameter number: another for each transfer: one that has ended may still remove its file.
    func partPath(of image: ImageID, _ number: Int) -> String { "\(directory)/\(image).\(number)\(Self.part)" }

    /// The whole images there are. Files of other names are left alone.
    func whole() throws -> [(image: ImageID, entry: CacheIndex.Entry)] {
        try names().compactMap { name in
            let halves = name.split(separator: ".", omittingEmptySubsequences: false)
            guard halves.count == 2, let image = ImageID(halves[0]), "\(image)" == halves[0], SHA512Digest.isText(halves[1])
            else { return nil }
            var found = stat()
            guard stat("\(directory)/\(name)", &found) == 0 else { return nil }
            let used = Timestamp(microseconds: Int64(found.st_mtim.tv_sec) * 1_000_000 + Int64(found.st_mtim.tv_nsec) / 1_000)
            return (image, .init(facts: .init(size: Int64(found.st_size), sha512: String(halves[1])), lastUse: used))
        }
    }

    /// Writes down that it was used now.
    func touch(_ image: ImageID, _ facts: ImageFacts) { utimensat(AT_FDCWD, path(of: image, facts), nil, 0) }

    func remove(_ image: ImageID, _ facts: ImageFacts) { unlink(path(of: image, facts)) }

    /// Bytes that the disk has left for us; 0 where that can't be told.
    var freeBytes: Int64 {
        var found = statvfs()
        return statvfs(directory, &found) == 0 ? Int64(found.f_bavail) * Int64(found.f_frsize) : 0
    }

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: directory) }

    private static let part = ".part"
}
