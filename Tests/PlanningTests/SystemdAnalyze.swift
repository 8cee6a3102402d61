import Foundation
import TestSupport

/// systemd's own answers about calendar events.
struct SystemdAnalyze {
    enum Answer: Equatable {
        /// The first times that are due.
        case due([Date])
        /// It is no calendar event.
        case refused
        /// Its search went round in circles.
        case gaveUp
    }

    /// Per expression, in order.
    let answers: [Answer]

    /// It printed fewer answers than expressions.
    struct UnknownOutput: Error {
        let errors: String
    }

    static let isThere = FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze")

    /// Asks about expressions, in a time zone, for the first times after `base`, which is in seconds since 1970.
    static func ask(_ expressions: [String], zone: String, base: Int64, count: Int) async throws -> SystemdAnalyze {
        let folder = FileManager.default.temporaryDirectory.appending(path: "calendar-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (output, errors) = (folder.appending(path: "output").path, folder.appending(path: "errors").path)
        let arguments = [
            "TZ=\(zone)", "LC_ALL=C", "/usr/bin/systemd-analyze", "calendar", "--iterations=\(count)",
            "--base-time=@\(base)", "--",
        ]
        await withCheckedContinuation { continuation in
            do {
                _ = try ChildProcess("env", arguments + expressions, outputFile: output, errorFile: errors) { _ in
                    continuation.resume()
                }
            } catch {
                continuation.resume()
            }
        }
        return try SystemdAnalyze(
            expressions, output: String(contentsOfFile: output, encoding: .utf8),
            errors: String(contentsOfFile: errors, encoding: .utf8))
    }

    private init(_ expressions: [String], output: String, errors: String) throws {
        var blocks = output.components(separatedBy: "Normalized form:").dropFirst().makeIterator()
        let lines = errors.split(separator: "\n")
        answers = try expressions.map { expression in
            let complaint = lines.first { $0.contains("'\(expression)'") }
            if complaint?.hasPrefix("Failed to parse") == true { return .refused }
            if complaint?.hasPrefix("Failed to determine") == true { return .gaveUp }
            guard let block = blocks.next() else { throw UnknownOutput(errors: errors) }
            // The first line is the expression, normalized.
            return .due(block.split(separator: "\n").dropFirst().compactMap { Self.date($0) })
        }
    }

    /// `(in UTC): Mon 2026-03-30 00:30:00 UTC`; times that are in UTC anyway stand in the line before only.
    private static func date(_ line: Substring) -> Date? {
        let words = line.split(separator: " ")
        guard words.count >= 4, words.last == "UTC" else { return nil }
        return try? Date("\(words[words.count - 3])T\(words[words.count - 2])Z", strategy: .iso8601)
    }
}
