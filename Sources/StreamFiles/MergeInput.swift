import DiffStream
public import FerryCore

/// One of the two diffs that are merged, read event by event.
actor MergeInput {
    private static let chunkByteCount = 1 << 20

    /// What the ranges of the last data event lie in.
    var buffer: DataBuffer { cursor.buffer }
    private let input: StreamInput
    private let meter: StreamMeter
    private var cursor: StreamCursor
    /// An event that was read ahead.
    private var pending: DiffEvent?

    init(_ input: StreamInput, _ meter: StreamMeter) {
        self.input = input
        cursor = StreamCursor(input)
        self.meter = meter
    }

    /// The format. Throws for one that holds a history, which is no single diff.
    func format() async throws -> any StreamFormat {
        if cursor.stream.format == nil { pending = try await next() }
        guard let format = cursor.stream.format, !format.isHistory else { throw StreamMergeError.history(input.name) }
        return format
    }

    /// The next event of the diff. Throws when there is none.
    func next() async throws -> DiffEvent {
        if let event = pending.take() { return event }
        while true {
            guard let event = try cursor.next() else {
                guard try await refill() else {
                    try cursor.checkEnd()
                    throw StreamMergeError.history(input.name)
                }
                continue
            }
            guard case .diff(let event) = event else { throw StreamMergeError.history(input.name) }
            return event
        }
    }

    /// Reads what may follow the end record. Throws unless nothing does.
    func checkEnd() async throws {
        while try cursor.next() == nil {
            guard try await refill() else { return try cursor.checkEnd() }
        }
    }

    /// Reads the next chunk; false when there is none.
    private func refill() async throws -> Bool {
        let next = DataBuffer(byteCount: Self.chunkByteCount)
        let byteCount = try await input.read(into: next, range: 0..<next.byteCount)
        guard byteCount > 0 else { return false }
        cursor.goOn(in: next, range: 0..<byteCount)
        meter.update { $0.dataByteCount += UInt64(byteCount) }
        return true
    }
}

/// Why two streams can't be merged, besides what is wrong with one of them.
public enum StreamMergeError: Failure, Hashable {
    /// The stream holds a whole history.
    case history(String)

    /// Another input gives another result.
    public var disposition: Disposition { .usage }
    /// What happened.
    public var cause: String {
        switch self {
        case .history(let name): "\(name.printable) holds an image's whole history, not one diff"
        }
    }
    /// What the user can do.
    public var remedy: String { "import it, then export the diff that is wanted" }
}
