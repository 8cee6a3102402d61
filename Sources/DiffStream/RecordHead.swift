import FerryCore

/// What could be made of the first bytes of a record.
enum RecordHead<Value> {
    /// Nothing can be said before this many bytes of the record are there.
    case needs(byteCount: Int)
    /// The head is this long and means this.
    case complete(Value, byteCount: Int)
}

/// Gathers the head of a record that may be cut by the end of an input.
///
/// A head that lies whole in one input is parsed where it lies. Only a cut one is copied, and no further than the
/// parser asks, so the longest name bounds what is held.
struct RecordHeadReader: Sendable {
    private var carried: [UInt8] = []

    /// Whether the first bytes of a head are held and the rest is awaited.
    var isInsideHead: Bool { !carried.isEmpty }
    /// The first byte of the head that is held.
    var firstByte: UInt8? { carried.first }

    /// Takes a head from `input`, which has at least one byte at `position`; nil when all input was taken and more
    /// is needed. `parse` sees the bytes from the start of the record and may be called several times for one head.
    mutating func take<Value>(
        from input: Span<UInt8>, at position: inout Int,
        parse: (Span<UInt8>, Int) throws(DiffError) -> RecordHead<Value>
    ) throws(DiffError) -> Value? {
        if carried.isEmpty {
            if case .complete(let value, let byteCount) = try parse(input, position) {
                position += byteCount
                return value
            }
        }
        return try takeCut(from: input, at: &position, parse: parse)
    }

    private mutating func takeCut<Value>(
        from input: Span<UInt8>, at position: inout Int,
        parse: (Span<UInt8>, Int) throws(DiffError) -> RecordHead<Value>
    ) throws(DiffError) -> Value? {
        if carried.isEmpty { carry(from: input, at: &position, until: 1) }
        while true {
            let heldByteCount = carried.count
            switch try parse(carried.span, 0) {
            case .complete(let value, _):
                carried.removeAll(keepingCapacity: true)
                return value
            case .needs(let byteCount):
                carry(from: input, at: &position, until: byteCount)
                // The last bytes of an input are looked at too: what is wrong already is said before more comes.
                guard carried.count > heldByteCount else { return nil }
            }
        }
    }

    private mutating func carry(from input: Span<UInt8>, at position: inout Int, until byteCount: Int) {
        while carried.count < byteCount, position < input.count {
            carried.append(input[position])
            position += 1
        }
    }
}
