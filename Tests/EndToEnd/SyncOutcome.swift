import Foundation

/// How a `sync now --json` ended.
struct SyncOutcome: Sendable {
    /// The JSON document, as far as tests look at it.
    struct Document: Decodable, Sendable {
        var images: [Image]
    }
    struct Image: Decodable, Sendable {
        var image: String
        var result: String
        var durationMs: Int
        var snapshots: [Step]
        var error: String?
    }
    struct Step: Decodable, Sendable {
        var snapshot: String
        var base: String?
        var wasPublished: Bool
        var readBytes: Int
        var contentBytes: Int
        var sentBytes: Int
        var savedByResumeBytes: Int
        var dataRecords: Int
    }

    let status: Int32
    let errors: String
    /// Empty when the process printed no document.
    let images: [Image]

    init(_ outcome: RunningCommand.Outcome) throws {
        status = outcome.status
        errors = outcome.errors
        guard !outcome.output.isEmpty else {
            images = []
            return
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        images = try decoder.decode(Document.self, from: Data(outcome.output.utf8)).images
    }

    /// All snapshots that were brought to mirrors, or found there.
    var steps: [Step] { images.flatMap(\.snapshots) }
}
