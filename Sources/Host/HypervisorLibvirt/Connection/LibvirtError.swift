internal import CLibvirt
import CloudModel

/// What libvirt said on this thread about the call that has just failed (libvirt's virGetLastError; it is kept per thread).
enum LibvirtError {
    static func last(_ call: String, _ message: String) -> CloudError {
        guard let error = virGetLastError() else { return CloudError(.internalError, message, detail: call) }
        let said = error.pointee.message.map { String(cString: $0) } ?? "no message"
        let detail = "\(call): \(said) (libvirt error \(error.pointee.code) of \(error.pointee.domain))"
        switch virErrorNumber(UInt32(bitPattern: error.pointee.code)) {
        case VIR_ERR_NO_DOMAIN:
            return CloudError(.notFound, "The server has no guest on this host.", detail: detail)
        case VIR_ERR_NO_CONNECT, VIR_ERR_INVALID_CONN, VIR_ERR_RPC, VIR_ERR_AUTH_FAILED, VIR_ERR_AUTH_UNAVAILABLE,
            VIR_ERR_OPERATION_TIMEOUT, VIR_ERR_AGENT_UNRESPONSIVE:
            return CloudError(.unavailable, "The host's hypervisor can't be reached now.", detail: detail)
        case VIR_ERR_SYSTEM_ERROR where isFromTransport(error.pointee.domain):
            return CloudError(.unavailable, "The host's hypervisor can't be reached now.", detail: detail)
        case VIR_ERR_INTERNAL_ERROR where said.contains("client socket is closed") || said.contains("keepalive"):
            return CloudError(.unavailable, "The host's hypervisor can't be reached now.", detail: detail)
        default:
            return CloudError(.internalError, message, detail: detail)
        }
    }

    /// A failed system call on the way to the daemon; elsewhere it is a file or memory, and trying again doesn't help.
    private static func isFromTransport(_ domain: Int32) -> Bool {
        domain == Int32(VIR_FROM_RPC.rawValue) || domain == Int32(VIR_FROM_REMOTE.rawValue)
    }
}
