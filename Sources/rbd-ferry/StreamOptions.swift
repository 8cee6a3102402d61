import Agent
import AgentConfiguration
public import ArgumentParser
public import FerryCore
import ImageStore

/// How the store of an image that is named on the command line is reached.
struct StoreOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The cluster's configuration file.", valueName: "file"))
    var cephConf = "/etc/ceph/ceph.conf"

    @Option(name: .long, help: ArgumentHelp("The Ceph user, without `client.`.", valueName: "user"))
    var cephUser = "rbd-ferry"

    /// Lends the store that `spec` lies in.
    func withStore<Result>(
        of spec: ImageSpec, dataPool: String? = nil, _ body: (any ImageStore) async throws -> Result
    ) async throws -> Result {
        let store = try await spec.store(cephConf: cephConf, cephUser: cephUser, dataPool: dataPool).open()
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(store))
        } catch {
            result = .failure(error)
        }
        await store.close()
        return try result.get()
    }

    /// Lends an image that is read.
    func withSource<Result>(
        of spec: ImageSpec, _ body: (any SourceImage) async throws -> Result
    ) async throws -> Result {
        try await withStore(of: spec) { store in
            let image = try await store.openSource(spec.image)
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(try await body(image))
            } catch {
                result = .failure(error)
            }
            await image.close()
            return try result.get()
        }
    }
}

/// What every command says about itself, or doesn't.
struct ReportOptions: ParsableArguments {
    @Flag(name: .long, help: "Print one JSON document on standard output.")
    var json = false

    @Flag(name: .shortAndLong, help: "No progress and no summary.")
    var quiet = false

    @Option(name: .long, help: "End with code 75 when nothing moves for this many seconds.")
    var hangSeconds = 300

    func validate() throws {
        guard (10...86_400).contains(hangSeconds) else { throw ValidationError("--hang-seconds takes 10 to 86400") }
    }
}

extension DiffMode: ExpressibleByArgument {
    /// One of the modes in which a single store finds what changed.
    public init?(argument: String) {
        guard let mode = DiffMode(rawValue: argument), mode.usesChangeList else { return nil }
        self = mode
    }

    /// Those modes, for help.
    public static var allValueStrings: [String] { changeLists.map(\.rawValue) }
}
