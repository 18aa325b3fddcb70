import CellProtocol
import CloudModel

/// What stands around every message on the wire. Numbers are in network order:
///
///     byte 0       version: 1, or 2 for a message that names a member
///     byte 1       type: 1 call, 2 cast, 3 reply, 4 error, 5 heartbeat
///     byte 2       lane: 0 control, 1 bulk; must be that of the socket
///     byte 3       0; a reader ignores it
///     bytes 4-7    milliseconds the sender still waits, when it was handed to libzmq
///     bytes 8-15   id of the message; a reply and an error carry their call's
///     then         length (1 byte) and text of the kind, length (1 byte) and text of the request id; in version 2 length (1 byte)
///                  and text of the member; and the body up to the end
///
/// A later version may only be sent to peers that are known to read it; a reader of version 1 refuses everything else. Version 2 goes
/// over shared links only, and is version 1 where no member is named.
struct Envelope: Equatable {
    enum Kind: UInt8 { case call = 1, cast, reply, error, heartbeat }

    static let version: UInt8 = 1
    static let versionWithMember: UInt8 = 2
    static let headerBytes = 16
    /// The longest that can stand before a body.
    static let longestPreamble = headerBytes + 3 + longestKind + longestRequest + longestMember
    static let longestKind = 40
    static let longestRequest = 128
    /// The longest role, a colon and the longest name.
    static let longestMember = 130

    var type: Kind
    var lane: Lane
    var id: UInt64
    var milliseconds: UInt32
    var kind = ""
    var request: RequestID?
    /// On a shared link, which of the simulator's hosts says this or is told it.
    var member: PeerName?
    var body: [UInt8] = []

    /// A kind, a request id or a name that is too long is a mistake in our own code or in what a client sent: nil.
    func encoded() -> [UInt8]? {
        let request = self.request?.rawValue ?? ""
        let member = self.member?.description
        guard kind.utf8.count <= Self.longestKind, request.utf8.count <= Self.longestRequest,
            (member?.utf8.count ?? 0) <= Self.longestMember
        else { return nil }
        var bytes: [UInt8] = []
        let texts = kind.utf8.count + request.utf8.count + (member?.utf8.count ?? 0)
        bytes.reserveCapacity(Self.headerBytes + 3 + texts + body.count)
        bytes.append(member == nil ? Self.version : Self.versionWithMember)
        bytes.append(type.rawValue)
        bytes.append(lane.rawValue)
        bytes.append(0)
        bytes.append(number: milliseconds)
        bytes.append(number: id)
        bytes.append(UInt8(kind.utf8.count))
        bytes.append(contentsOf: kind.utf8)
        bytes.append(UInt8(request.utf8.count))
        bytes.append(contentsOf: request.utf8)
        if let member {
            bytes.append(UInt8(member.utf8.count))
            bytes.append(contentsOf: member.utf8)
        }
        bytes.append(contentsOf: body)
        return bytes
    }

    /// Writes the time that is left over the one written when the message was made: it may have waited for a connection.
    static func stamp(_ bytes: inout [UInt8], milliseconds: UInt32) {
        for index in 0..<4 { bytes[4 + index] = UInt8(truncatingIfNeeded: milliseconds >> (24 - 8 * index)) }
    }

    /// Reads what came from a peer. Total: any bytes give an envelope or a sentence about what is wrong.
    init(reading bytes: UnsafeRawBufferPointer, on lane: Lane) throws(MalformedMessage) {
        guard bytes.count >= Self.headerBytes + 2 else { throw MalformedMessage("shorter than a header") }
        guard bytes[0] == Self.version || bytes[0] == Self.versionWithMember else {
            throw MalformedMessage("of version \(bytes[0])")
        }
        guard let type = Kind(rawValue: bytes[1]) else { throw MalformedMessage("of type \(bytes[1])") }
        guard bytes[2] == lane.rawValue else { throw MalformedMessage("of lane \(bytes[2]) on the socket of \(lane)") }
        self.type = type
        self.lane = lane
        milliseconds = bytes.number(at: 4)
        id = bytes.number(at: 8)

        var at = Self.headerBytes
        kind = try bytes.text(at: &at, longest: Self.longestKind, "kind")
        let request = try bytes.text(at: &at, longest: Self.longestRequest, "request id")
        if !request.isEmpty { self.request = RequestID(rawValue: request) }
        if bytes[0] == Self.versionWithMember {
            guard let member = PeerName(try bytes.text(at: &at, longest: Self.longestMember, "member")) else {
                throw MalformedMessage("with a member that is no name")
            }
            self.member = member
        }
        switch type {
        case .call, .cast:
            if kind.isEmpty { throw MalformedMessage("without a kind") }
        case .reply, .error, .heartbeat:
            break
        }
        body = Array(bytes[at...])
    }

    init(
        _ type: Kind, lane: Lane, id: UInt64, milliseconds: UInt32, kind: String = "", request: RequestID? = nil,
        member: PeerName? = nil, body: [UInt8] = []
    ) {
        self.type = type
        self.lane = lane
        self.id = id
        self.milliseconds = milliseconds
        self.kind = kind
        self.request = request
        self.member = member
        self.body = body
    }
}

/// Bytes that are no message. `what` ends the sentence "a message …".
struct MalformedMessage: Error {
    let what: String
    init(_ what: String) { self.what = what }
}

/// The body of a known kind that its type can't be read from. Kept apart from `CloudError` so that it is counted as malformed.
struct UnreadableBody: Error {
    let kind: String
    let cause: any Error
}

extension [UInt8] {
    mutating func append(number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }
}

extension UnsafeRawBufferPointer {
    /// The caller has checked that there are enough bytes.
    func number<Number: FixedWidthInteger>(at offset: Int) -> Number {
        Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    fileprivate func text(at offset: inout Int, longest: Int, _ what: String) throws(MalformedMessage) -> String {
        guard offset < count else { throw MalformedMessage("cut off before its \(what)") }
        let length = Int(self[offset])
        guard length <= longest else { throw MalformedMessage("with a \(what) of \(length) bytes") }
        guard offset + 1 + length <= count else { throw MalformedMessage("cut off in its \(what)") }
        let bytes = UnsafeRawBufferPointer(rebasing: self[(offset + 1)..<(offset + 1 + length)])
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw MalformedMessage("with a \(what) that is not UTF-8")
        }
        offset += 1 + length
        return text
    }
}
