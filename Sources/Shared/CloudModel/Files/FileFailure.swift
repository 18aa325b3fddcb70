import Foundation

/// A system call on a file that failed; `errno` is read where it is made.
package struct FileFailure: LocalizedError, CustomStringConvertible {
    package let call: String
    package let path: String
    package let code: Int32

    package init(_ call: String, _ path: String, code: Int32 = errno) {
        self.call = call
        self.path = path
        self.code = code
    }

    /// Of the process or the moment, not of the file: trying again makes sense.
    package var isPassing: Bool { [EMFILE, ENFILE, ENOMEM, EINTR].contains(code) }
    package var isFull: Bool { code == ENOSPC || code == EDQUOT }
    package var description: String { "\(call) \(path): \(String(cString: strerror(code)))" }
    package var errorDescription: String? { description }
}

extension UnsafeRawBufferPointer {
    /// Writes all of it where the descriptor stands, however many calls that takes.
    ///
    /// - Parameter path: what a failure names.
    package func writeAll(to descriptor: Int32, _ path: String) throws(FileFailure) {
        var rest = self[...]
        while !rest.isEmpty {
            let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileFailure("write(2)", path) }
            rest = rest.dropFirst(count)
        }
    }
}
