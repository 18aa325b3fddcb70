// One-dimensional arrays on the wire (`array_send`): dimensions, has-null flag, element type, then per dimension its size and
// lower bound, then each element as length and bytes; length -1 is NULL.

/// Appends an array; `append` writes one element and says whether it is there (false: NULL).
func encodeArray<Element>(
    _ elements: [Element], of type: SQLType, into bytes: inout [UInt8], append: (Element, inout [UInt8]) -> Bool
) {
    bytes.appendBigEndian(Int32(elements.isEmpty ? 0 : 1))
    let nullFlag = bytes.count
    bytes.appendBigEndian(Int32(0))
    bytes.appendBigEndian(type.rawValue)
    guard !elements.isEmpty else { return }
    bytes.appendBigEndian(Int32(elements.count))
    bytes.appendBigEndian(Int32(1))
    for element in elements {
        let lengthAt = bytes.count
        bytes.appendBigEndian(Int32(-1))
        if append(element, &bytes) {
            bytes.putBigEndian(Int32(bytes.count - lengthAt - 4), at: lengthAt)
        } else {
            bytes.putBigEndian(1, at: nullFlag)
        }
    }
}

/// Reads an array; `read` is given nil for a NULL element.
func decodeArray<Element>(
    _ bytes: UnsafeRawBufferPointer, read: (UnsafeRawBufferPointer?, SQLType) throws -> Element
) throws -> [Element] {
    let dimensions = try bytes.bigEndian(Int32.self)
    let type = SQLType(try bytes.bigEndian(UInt32.self, at: 8))
    guard dimensions != 0 else { return [] }
    guard dimensions == 1 else { throw DatabaseError.decoding("An array has \(dimensions) dimensions instead of one.") }
    let count = Int(try bytes.bigEndian(Int32.self, at: 12))
    guard count >= 0, count <= bytes.count else { throw DatabaseError.decoding("An array is malformed.") }
    var elements: [Element] = []
    elements.reserveCapacity(count)
    var position = 20
    for _ in 0..<count {
        let length = Int(try bytes.bigEndian(Int32.self, at: position))
        position += 4
        if length < 0 {
            elements.append(try read(nil, type))
        } else {
            guard position + length <= bytes.count else { throw DatabaseError.decoding("An array ends too early.") }
            elements.append(try read(UnsafeRawBufferPointer(rebasing: bytes[position..<position + length]), type))
            position += length
        }
    }
    return elements
}
