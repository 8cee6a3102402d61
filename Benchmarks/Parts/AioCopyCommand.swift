import ArgumentParser
import Threading

/// `benchmark-parts aio-copy`
struct AioCopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aio-copy", abstract: "Copies a snapshot of one cluster to an image of another, and nothing else.",
        discussion: """
            Reads everything, holes too, and writes it as it comes. Counted from the first read until the flush at the end \
            is done; opening and creating images is not. The target is created with the source's size when it is not there. \
            The user is client.admin; librbd's cache is off.
            """)

    /// What was measured.
    struct Result: Encodable {
        let bytes: UInt64
        let seconds: Double
        let cpuSeconds: Double
    }

    @Option(name: .long, help: "ceph.conf of the cluster to read from.")
    var sourceConf: String

    @Option(name: .long, help: "POOL/IMAGE@SNAP to read.")
    var sourceImage: String

    @Option(name: .long, help: "ceph.conf of the cluster to write to.")
    var targetConf: String

    @Option(name: .long, help: "POOL/IMAGE to write.")
    var targetImage: String

    @Option(name: .long, help: "Reads in flight at most, and writes.")
    var inFlight = 16

    @Option(name: .long, help: "Bytes of each read and write.")
    var requestBytes = 4 << 20

    func validate() throws {
        guard let source = ImageName(sourceImage), source.snapshot != nil else {
            throw ValidationError("--source-image takes POOL/IMAGE@SNAP")
        }
        guard let target = ImageName(targetImage), target.snapshot == nil else {
            throw ValidationError("--target-image takes POOL/IMAGE")
        }
        guard (1...1024).contains(inFlight) else { throw ValidationError("--in-flight takes 1 to 1024") }
        guard (512...(64 << 20)).contains(requestBytes) else {
            throw ValidationError("--request-bytes takes 512 to 67108864")
        }
    }

    func run() async throws {
        let result = try await BlockingThreads(count: 1).run { () throws(MeasurementError) in try copy() }
        try printResult(result)
    }

    private func copy() throws(MeasurementError) -> Result {
        guard let source = ImageName(sourceImage), let target = ImageName(targetImage) else {
            throw MeasurementError("the images' names can't be read")
        }
        let reader = try RawImage(reading: source, in: RawPool(conf: sourceConf, pool: source.pool))
        let byteCount = try reader.byteCount()
        let writer = try RawImage(
            writing: target, in: RawPool(conf: targetConf, pool: target.pool), byteCount: byteCount)
        let copy = AioCopy(
            from: reader, to: writer, byteCount: byteCount, inFlightCountMax: inFlight, requestByteCount: requestBytes)
        let stopwatch = Stopwatch()
        try copy.run()
        return Result(bytes: byteCount, seconds: stopwatch.seconds, cpuSeconds: stopwatch.processorSeconds)
    }
}

/// POOL/IMAGE or POOL/IMAGE@SNAP.
struct ImageName {
    let pool: String
    let image: String
    let snapshot: String?

    /// Reads it; nil when a part is missing.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let pool = parts.first, let rest = parts.last, !pool.isEmpty else { return nil }
        let names = rest.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard let image = names.first, !names.contains(where: \.isEmpty) else { return nil }
        self.pool = String(pool)
        self.image = String(image)
        snapshot = names.count > 1 ? String(names[1]) : nil
    }
}
