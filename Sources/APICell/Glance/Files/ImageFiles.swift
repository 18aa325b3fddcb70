import CloudModel
import Foundation

/// The store on a filesystem: `<directory>/<image id>` holds the data of an active image, `<image id>.<upload id>.part` what is
/// on its way in. A part is locked (flock) by the process that receives it, so whoever can lock a part knows that its upload is dead.
struct ImageFiles: Sendable {
    let directory: String

    /// Creates the directory, readable by its owner only, if it isn't there.
    init(directory: String) throws {
        self.directory = directory
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    func path(of image: ImageID) -> String { "\(directory)/\(image)" }
    func partPath(of image: ImageID, upload: UUID) -> String { "\(directory)/\(image).\(upload.lowercased).part" }

    /// Opens a new part, locked.
    func createPart(of image: ImageID, upload: UUID) throws -> PartFile {
        try PartFile(creating: partPath(of: image, upload: upload))
    }

    /// Bytes of the finished file; nil when there is none.
    func size(of image: ImageID) -> Int64? {
        let descriptor = open(path(of: image), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, Int32(SEEK_END))
        return end >= 0 ? Int64(end) : nil
    }

    /// Removes the finished file; nothing to remove is fine.
    func remove(_ image: ImageID) throws {
        guard unlink(path(of: image)) != 0, errno != ENOENT else { return }
        throw FileFailure("unlink(2)", path(of: image))
    }

    /// Whether nobody works on this upload any more: neither its part nor, after the rename, the finished file is locked.
    func isDead(_ upload: UUID, of image: ImageID) -> Bool {
        !isLocked(partPath(of: image, upload: upload)) && !isLocked(path(of: image))
    }

    func removePart(of image: ImageID, upload: UUID) {
        unlink(partPath(of: image, upload: upload))
    }

    /// Removes every part whose upload is dead; returns how many.
    func removeDeadParts() throws -> Int {
        var removed = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name.hasSuffix(".part") {
            let path = "\(directory)/\(name)"
            if !isLocked(path), unlink(path) == 0 { removed += 1 }
        }
        return removed
    }

    /// Makes a rename or an unlink in the directory survive a power cut.
    func syncDirectory() throws {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure("open(2)", directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileFailure("fsync(2)", directory) }
    }

    private func isLocked(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }
}
