import Foundation
import Reporting

/// How a `verify --json` ended.
struct VerifyOutcome: Sendable {
    private struct Document: Decodable { var images: [Image] }
    struct Image: Decodable, Sendable {
        struct Range: Decodable, Equatable, Sendable {
            var offsetBytes: Int
            var lengthBytes: Int
        }
        var image: String
        var result: String
        var snapshot: String?
        var mirrorSnapshot: String?
        var scope: String?
        var isComplete: Bool?
        var imageBytes: Int?
        var comparedBytes: Int?
        var resumedBytes: Int?
        var differingBytes: Int?
        var differing: [Range]?
        var repairedSnapshot: String?
        var isAlarmed: Bool?
        var error: String?
        var remedy: String?
    }
    let status: Int32
    let errors: String
    /// Empty when the process printed no document.
    let images: [Image]

    init(_ outcome: RunningCommand.Outcome) throws {
        status = outcome.status
        errors = outcome.errors
        images =
            outcome.output.isEmpty ? [] : try JSONDocument.decode(Document.self, from: outcome.output.utf8).images
    }
}

extension Stage {
    /// Starts `verify`: of the image `vm` when nothing is named.
    func startVerify(
        _ arguments: [String] = [], asJSON: Bool = true, killAt killPoint: String? = nil
    ) throws -> RunningCommand {
        let settings = SenderSettings(port: try receiver.port, more: "images: [{match: \"*\"}]")
        let path = try write("verify-\(UUID().uuidString).yaml", settings.text(source, certificates))
        let isNamed = arguments.contains { !$0.hasPrefix("-") && $0.contains(prefix) }
        let what = (asJSON ? ["--json"] : []) + (isNamed ? [] : [prefix + "vm"]) + arguments
        return try RunningCommand.ferry(["verify", "--config", path] + what, killAt: killPoint)
    }

    /// Runs `verify --json` to its end: of the image `vm` when nothing is named.
    func verify(_ arguments: String...) async throws -> VerifyOutcome {
        try VerifyOutcome(try await startVerify(arguments).outcome())
    }
}

extension SiteImage {
    /// Changes bytes of a mirror's newest snapshot and of its head, as if a change had not been listed.
    func damage(at offset: Int, in snapshot: String) async throws {
        switch place {
        case .directory:
            for path in ["snapshots/\(snapshot).raw", "head.raw"] {
                let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(spec)/\(path)"))
                try file.seek(toOffset: UInt64(offset))
                try file.write(contentsOf: Data("damaged".utf8))
                try file.close()
            }
        case .ceph(let cluster, _, _):
            // A write that knows of no snapshots makes no clone of the object: snapshot and head share it still.
            struct Info: Decodable { var blockNamePrefix: String }
            let info = try JSONDocument.decode(
                Info.self, from: try await cluster.rbd("info", "--format", "json", spec).utf8)
            let number = String(offset >> 22, radix: 16)
            let object = "\(info.blockNamePrefix).\(String(repeating: "0", count: 16 - number.count))\(number)"
            try await RunningCommand.run(
                "bash",
                [
                    "-c", "printf damaged | rados -c \"$0\" -p rbd put \"$1\" - --offset \"$2\"", cluster.confPath,
                    object,
                    "\(offset % (4 << 20))",
                ])
        }
    }
}
