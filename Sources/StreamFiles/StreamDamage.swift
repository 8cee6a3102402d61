public import DiffStream
public import FerryCore

/// A fault in a stream, with the input it came from.
public struct StreamDamage: Failure, Hashable {
    /// The path, or "standard input".
    public let input: String
    /// What is wrong, and where.
    public let fault: DiffError

    /// The same bytes give the same fault.
    public var disposition: Disposition { fault.disposition }
    /// Which input, and what is wrong with it.
    public var cause: String { "\(input.printable): \(fault.cause)" }
    /// What the user can do.
    public var remedy: String { fault.remedy }
}

extension StreamInput {
    /// Says in a fault that `body` finds that it lies in this input.
    func naming<Result>(_ body: () throws(DiffError) -> Result) throws(StreamDamage) -> Result {
        do throws(DiffError) {
            return try body()
        } catch {
            throw StreamDamage(input: name, fault: error)
        }
    }
}
