/// Applies `transform` to what `next` gives, several at a time, and hands the results to `consume` in the order of
/// the inputs.
///
/// `next` is asked again while results are pending, so a slow source holds nothing back. At most `width` inputs are
/// between `next` and the end of `consume`: memory is bounded by `width` times the largest element. Returns when
/// `next` has given nil and all is consumed. The first error cancels the rest.
public func orderedMap<Input: Sendable, Output: Sendable>(
    width: Int,
    next: @escaping @Sendable () async throws -> Input?,
    transform: @escaping @Sendable (Input) async throws -> Output,
    consume: (Output) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: OrderedMapStep<Input, Output>.self) { group in
        var begun = 0
        var consumed = 0
        var isAsking = false
        var isExhausted = false
        var done: [Int: Output] = [:]
        while true {
            while let output = done.removeValue(forKey: consumed) {
                try await consume(output)
                consumed += 1
            }
            if !isExhausted, !isAsking, begun - consumed < width {
                group.addTask { .input(try await next()) }
                isAsking = true
            }
            guard let step = try await group.next() else { return }
            switch step {
            case .input(let input?):
                let number = begun
                group.addTask { .output(number, try await transform(input)) }
                begun += 1
                isAsking = false
            case .input(nil):
                isExhausted = true
                isAsking = false
            case .output(let number, let output):
                done[number] = output
            }
        }
    }
}

private enum OrderedMapStep<Input: Sendable, Output: Sendable>: Sendable {
    case input(Input?)
    case output(Int, Output)
}
