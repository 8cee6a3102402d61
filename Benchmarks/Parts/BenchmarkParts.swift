import ArgumentParser
import CMalloc

/// The parts of the program by themselves: each subcommand runs one and prints what it measured, one JSON object.
@main
struct BenchmarkParts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark-parts", abstract: "Measures parts of rbd-ferry by themselves.",
        subcommands: [
            TransportCommand.self, LibsslCommand.self, CodecCommand.self, ZstdCommand.self, AioCopyCommand.self,
        ])

    static func main() async {
        tuneAllocator()
        await main(nil)
    }

    /// As the program itself does: otherwise page faults would be measured along with everything that takes buffers.
    private static func tuneAllocator() {
        _ = mallopt(M_ARENA_MAX, 1)
        _ = mallopt(M_MMAP_THRESHOLD, 32 << 20)
        _ = mallopt(M_TRIM_THRESHOLD, 16 << 20)
    }
}
