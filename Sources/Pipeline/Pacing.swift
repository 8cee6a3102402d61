/// The throttles of a transfer: each byte passes all of them, such as its peer's and that of all peers together.
public struct Pacing: Sendable {
    /// What units between listing and emission may hold, in bytes: all transfers of a process together, and those to a peer
    /// with a limit apart.
    public static let memoryByteCount: UInt64 = 6 << 20

    /// For bytes of blocks on the wire, as they are before TLS.
    public var sending: [Throttle]
    /// For bytes that are read from the source.
    public var reading: [Throttle]
    /// For units between listing and emission; nil: the process's. A transfer that is slow on purpose keeps its memory
    /// for long, and others must not wait for that.
    public var memory: ByteBudget?

    /// A pacing by these throttles; by default none.
    public init(sending: [Throttle] = [], reading: [Throttle] = [], memory: ByteBudget? = nil) {
        self.sending = sending
        self.reading = reading
        self.memory = memory
    }
}

extension [Throttle] {
    /// The most bytes that should pass at once; nil when nothing is limited.
    public var sliceByteCount: Int? { compactMap(\.sliceByteCount).min() }

    /// Takes bytes from each.
    public func take(_ byteCount: Int) async throws {
        for throttle in self { try await throttle.take(byteCount) }
    }

    /// Takes so many bytes, a slice after the other, so that others who take come in between. `onSlice` hears of each.
    ///
    /// A transfer takes from one place at a time: throttles share themselves out among those who ask.
    public func takeInSlices(_ byteCount: Int, onSlice: (Int) -> Void) async throws {
        var rest = byteCount
        while rest > 0 {
            let slice = Swift.min(rest, sliceByteCount ?? rest)
            try await take(slice)
            rest -= slice
            onSlice(slice)
        }
    }
}
