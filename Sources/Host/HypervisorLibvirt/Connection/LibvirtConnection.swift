internal import CLibvirt
import CloudModel
import Foundation
import Hypervisors

/// One open connection to libvirtd with its events. Closed in `deinit`; guests don't notice.
///
/// libvirt's calls are thread-safe. They block: only `BlockingThreads` call them.
final class LibvirtConnection: @unchecked Sendable {
    let pointer: virConnectPtr
    private var callback: Int32 = -1

    /// A daemon that answers nothing for `keepaliveSeconds` × `keepaliveCount` is gone: waiting calls fail then.
    private static let keepaliveSeconds: Int32 = 5
    private static let keepaliveCount: UInt32 = 3

    /// Blocks until the daemon has answered; the first client of a new daemon waits for its probe of QEMU (8 s).
    init(_ uri: String, _ events: HypervisorEvents) throws {
        try EventLoop.start()
        guard let pointer = virConnectOpen(uri) else {
            throw LibvirtError.last("virConnectOpen", "The host's hypervisor can't be reached now.")
        }
        self.pointer = pointer
        // Not supported by drivers without a daemon, which can't go away without us either.
        _ = virConnectSetKeepAlive(pointer, Self.keepaliveSeconds, Self.keepaliveCount)
        try listen(events)
    }

    deinit {
        if callback >= 0 { virConnectDomainEventDeregisterAny(pointer, callback) }
        _ = virConnectUnregisterCloseCallback(pointer, lostConnection)
        virConnectClose(pointer)
    }

    var isAlive: Bool { virConnectIsAlive(pointer) == 1 }

    private func listen(_ events: HypervisorEvents) throws {
        let sink = Unmanaged.passRetained(EventSink(events))
        let lifecycle: virConnectDomainEventCallback = domainChanged
        callback = virConnectDomainEventRegisterAny(
            pointer, nil, Int32(VIR_DOMAIN_EVENT_ID_LIFECYCLE.rawValue),
            unsafeBitCast(lifecycle, to: virConnectDomainEventGenericCallback.self), sink.toOpaque(), releaseSink)
        guard callback >= 0 else {
            let error = LibvirtError.last("virConnectDomainEventRegisterAny", "The host's hypervisor tells no events.")
            sink.release()
            throw error
        }
        let another = Unmanaged.passRetained(EventSink(events))
        if virConnectRegisterCloseCallback(pointer, lostConnection, another.toOpaque(), releaseSink) != 0 { another.release() }
    }
}

/// What C callbacks hold on to.
private final class EventSink: Sendable {
    let events: HypervisorEvents
    init(_ events: HypervisorEvents) { self.events = events }
}

private func releaseSink(_ opaque: UnsafeMutableRawPointer?) {
    guard let opaque else { return }
    Unmanaged<EventSink>.fromOpaque(opaque).release()
}

/// The daemon died or doesn't answer: whoever reads the events lists the guests, which opens a new connection.
private func lostConnection(_: virConnectPtr?, _ reason: Int32, _ opaque: UnsafeMutableRawPointer?) {
    guard let opaque else { return }
    Unmanaged<EventSink>.fromOpaque(opaque).takeUnretainedValue().events.yield(.reconnected)
}

private func domainChanged(
    _: virConnectPtr?, _ domain: virDomainPtr?, _ event: Int32, _ detail: Int32, _ opaque: UnsafeMutableRawPointer?
) -> Int32 {
    guard let opaque, let domain else { return 0 }
    var text = [CChar](repeating: 0, count: Int(VIR_UUID_STRING_BUFLEN))
    guard virDomainGetUUIDString(domain, &text) == 0,
        let server = ServerID(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)),
        let power = PowerState(event: event, detail: detail)
    else { return 0 }
    Unmanaged<EventSink>.fromOpaque(opaque).takeUnretainedValue().events.yield(.changed(server, power))
    return 0
}

/// libvirt's event loop: one thread per process that reads all connections' sockets and calls the callbacks.
private enum EventLoop {
    private static let isStarted = Lock(false)

    static func start() throws {
        try isStarted.withLock { isStarted in
            guard !isStarted else { return }
            // Errors are returned, not printed on standard error.
            virSetErrorFunc(nil) { _, _ in }
            guard virInitialize() == 0, virEventRegisterDefaultImpl() == 0 else {
                throw LibvirtError.last("virEventRegisterDefaultImpl", "libvirt can't be used on this host.")
            }
            let thread = Thread {
                while virEventRunDefaultImpl() == 0 {}
            }
            thread.name = "libvirt-events"
            thread.stackSize = 512 << 10
            thread.start()
            isStarted = true
        }
    }
}

extension PowerState {
    /// From a lifecycle event (virDomainEventType and its details); nil for those that don't change the power.
    init?(event: Int32, detail: Int32) {
        switch virDomainEventType(UInt32(bitPattern: event)) {
        case VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_RESUMED: self = .running
        case VIR_DOMAIN_EVENT_SUSPENDED: self = .paused
        case VIR_DOMAIN_EVENT_PMSUSPENDED: self = .suspended
        case VIR_DOMAIN_EVENT_CRASHED: self = .crashed
        case VIR_DOMAIN_EVENT_STOPPED:
            let detail = virDomainEventStoppedDetailType(UInt32(bitPattern: detail))
            self =
                detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED || detail == VIR_DOMAIN_EVENT_STOPPED_FAILED ? .crashed : .shutdown
        default: return nil
        }
    }

    /// From virDomainGetState.
    init(state: Int32, reason: Int32) {
        switch virDomainState(UInt32(bitPattern: state)) {
        case VIR_DOMAIN_RUNNING, VIR_DOMAIN_BLOCKED, VIR_DOMAIN_SHUTDOWN: self = .running
        case VIR_DOMAIN_PAUSED: self = .paused
        case VIR_DOMAIN_PMSUSPENDED: self = .suspended
        case VIR_DOMAIN_CRASHED: self = .crashed
        case VIR_DOMAIN_SHUTOFF:
            let reason = virDomainShutoffReason(UInt32(bitPattern: reason))
            self = reason == VIR_DOMAIN_SHUTOFF_CRASHED || reason == VIR_DOMAIN_SHUTOFF_FAILED ? .crashed : .shutdown
        default: self = .noState
        }
    }
}
