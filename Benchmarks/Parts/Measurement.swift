import FerryCore
import Foundation

/// Wall time and processor time of this process, from when it is made.
struct Stopwatch {
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private let processorSecondsAtStart: Double

    init() {
        processorSecondsAtStart = Self.processorSeconds()
        start = clock.now
    }

    /// Seconds that have passed.
    var seconds: Double { (clock.now - start) / .seconds(1) }
    /// Seconds that this process's threads have run, in user code and in the kernel.
    var processorSeconds: Double { Self.processorSeconds() - processorSecondsAtStart }

    /// Implements: int getrusage(int who, struct rusage *usage);
    private static func processorSeconds() -> Double {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }
}

/// Prints a result: one JSON object on one line, names in snake case.
func printResult(_ result: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    encoder.keyEncodingStrategy = .convertToSnakeCase
    print(String(decoding: try encoder.encode(result), as: UTF8.self))
}

/// What a transport did.
struct TransportResult: Encodable {
    let bytes: Int
    let bytesPerSecond: Double
    let cpuSeconds: Double

    /// So many bytes since the stopwatch was made.
    init(bytes: Int, since stopwatch: Stopwatch) {
        let seconds = stopwatch.seconds
        self.bytes = bytes
        cpuSeconds = stopwatch.processorSeconds
        bytesPerSecond = Double(bytes) / seconds
    }
}

/// A measurement that did not come about.
struct MeasurementError: Failure {
    let cause: String
    let remedy = ""
    let disposition = Disposition.permanent

    init(_ cause: String) { self.cause = cause }

    /// A call of a C library that returned a negative error number.
    init(_ call: StaticString, _ result: Int) {
        self.init("\(call): \(String(cString: strerror(Int32(clamping: result.magnitude))))")
    }
}
