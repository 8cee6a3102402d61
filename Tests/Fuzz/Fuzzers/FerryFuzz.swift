import CLibFuzzer
import Foundation

/// The fuzzers, in one program:
///
///     ferry-fuzz list                                 prints their names
///     ferry-fuzz seeds NAME FOLDER GOLDEN...          writes inputs to begin with, made from golden files too
///     ferry-fuzz NAME [OPTION OF LIBFUZZER | FOLDER | FILE]...
///                                                     runs one; a file is an input to replay
@main
enum FerryFuzz {
    /// A further fuzzer is one file and a line here.
    static let all: [any Fuzzer.Type] = [
        RecordFuzzer.self,
        EnvelopeFuzzer.self,
        MergeFuzzer.self,
        ControlFuzzer.self,
        BlockFuzzer.self,
        DeltaFuzzer.self,
        SenderFuzzer.self,
        ReceiverFuzzer.self,
    ]

    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "list": for fuzzer in all { print(fuzzer.name) }
        case "seeds" where arguments.count > 2:
            try writeSeeds(of: fuzzer(arguments[1]), into: arguments[2], golden: arguments.dropFirst(3))
        case let name? where !name.hasPrefix("-"):
            setenv(nameVariable, name, 1)
            exit(run(fuzzer(name), skipping: 1))
        default:
            // libFuzzer starts the program again for some of its work, with its own options only.
            guard let name = ProcessInfo.processInfo.environment[nameVariable] else { fail("name a fuzzer, or list") }
            exit(run(fuzzer(name), skipping: 0))
        }
    }

    private static let nameVariable = "FERRY_FUZZER"

    private static func fuzzer(_ name: String) -> any Fuzzer.Type {
        guard let fuzzer = all.first(where: { $0.name == name }) else { fail("there is no fuzzer \(name)") }
        return fuzzer
    }

    private static func writeSeeds(
        of fuzzer: any Fuzzer.Type, into folder: String, golden: ArraySlice<String>
    ) throws {
        let folder = URL(fileURLWithPath: folder)
        let files = try golden.map { [UInt8](try Data(contentsOf: URL(fileURLWithPath: $0))) }
        for (number, seed) in try fuzzer.seeds(golden: files).enumerated() {
            try Data(seed).write(to: folder.appending(path: "seed-\(number)"))
        }
    }

    /// Hands over to libFuzzer, which sees the arguments without the fuzzer's name.
    private static func run(_ fuzzer: any Fuzzer.Type, skipping skippedCount: Int) -> CInt {
        current = fuzzer
        var count = CommandLine.argc - CInt(skippedCount)
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + skippedCount
        arguments?.pointee = CommandLine.unsafeArgv.pointee
        return LLVMFuzzerRunDriver(&count, &arguments) { data, byteCount in
            FerryFuzz.current?.run(Array(UnsafeBufferPointer(start: data, count: byteCount)))
            return 0
        }
    }

    /// Set once, before libFuzzer starts.
    nonisolated(unsafe) private static var current: (any Fuzzer.Type)?
}
