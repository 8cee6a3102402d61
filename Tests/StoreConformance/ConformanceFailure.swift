import Glibc
import ImageStore

/// What a store did, against what it should have done.
public struct ConformanceFailure: Error, Equatable, CustomStringConvertible {
    /// What was looked at.
    public let subject: String
    /// What should have been found.
    public let expected: String
    /// What was found.
    public let found: String

    /// All three, on one line.
    public var description: String { "\(subject): expected \(expected), found \(found)" }
}

/// Throws a `ConformanceFailure` unless both values are equal.
func expect<Value: Equatable>(_ subject: String, _ found: Value, equals expected: Value) throws {
    guard found == expected else {
        throw ConformanceFailure(
            subject: subject, expected: String(describing: expected), found: String(describing: found))
    }
}

/// Throws a `ConformanceFailure` unless the condition holds.
func expect(_ subject: String, _ condition: Bool, found: String = "otherwise") throws {
    guard condition else { throw ConformanceFailure(subject: subject, expected: "true", found: found) }
}

/// Throws a `ConformanceFailure` unless `body` throws a `StoreError` for `reason`.
func expect<Value>(_ subject: String, throws reason: StoreError.Reason, _ body: () async throws -> Value) async throws {
    do {
        let value = try await body()
        throw ConformanceFailure(subject: subject, expected: "an error: \(reason)", found: "\(value)")
    } catch let error as StoreError {
        guard error.reason != reason else { return }
        throw ConformanceFailure(subject: subject, expected: "\(reason)", found: "\(error.reason): \(error)")
    }
}

/// Fast in a debug build too.
private func isEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    first.withUnsafeBytes { first in
        second.withUnsafeBytes { second in
            guard let start = first.baseAddress, let other = second.baseAddress else {
                return first.count == second.count
            }
            return first.count == second.count && memcmp(start, other, first.count) == 0
        }
    }
}

/// Like `==` of two arrays, but says where they differ instead of printing them.
func expectBytes(_ subject: String, _ found: [UInt8], equal expected: [UInt8]) throws {
    try expect("\(subject), length", found.count, equals: expected.count)
    guard !isEqual(found, expected),
        let index = found.indices.first(where: { found[$0] != expected[$0] })
    else { return }
    let differing = found.indices.count { found[$0] != expected[$0] }
    throw ConformanceFailure(
        subject: "\(subject), byte \(index) (of \(differing) that differ)", expected: "\(expected[index])",
        found: "\(found[index])")
}
