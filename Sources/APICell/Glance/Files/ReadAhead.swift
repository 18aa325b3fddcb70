import Foundation

/// Asks the kernel to read parts of a file before they are needed. Only hints: a file that can't be opened is simply not read ahead.
struct ReadAhead: ~Copyable {
    private let descriptor: Int32

    init(_ path: String) { descriptor = open(path, O_RDONLY | O_CLOEXEC) }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// What is cached already costs next to nothing; what lies behind the end is ignored.
    borrowing func expect(_ offset: Int64, _ count: Int64) {
        if descriptor >= 0 { posix_fadvise(descriptor, off_t(offset), off_t(count), POSIX_FADV_WILLNEED) }
    }
}
