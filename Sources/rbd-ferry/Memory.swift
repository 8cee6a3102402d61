import CMalloc
import Glibc

/// Keeps the process small without paying for it in page faults. Called first thing, before there are threads.
func tuneAllocator() {
    // glibc gives each busy thread an arena of its own, and each arena keeps holes of its own. librados has many
    // threads, but they take few and large blocks: one arena is enough.
    _ = mallopt(M_ARENA_MAX, 1)
    // The buffers of a megabyte that librados takes for every read and write stay in the heap. As mappings of their
    // own they cost a page fault every 4 KiB, half of the processor time of a full copy.
    _ = mallopt(M_MMAP_THRESHOLD, 32 << 20)
    _ = mallopt(M_TRIM_THRESHOLD, 16 << 20)
}

/// Gives memory back that is free but scattered, whenever the process has grown. Runs until cancelled.
///
/// Blocks that live long end up between those that come and go, and the heap grows by what no longer fits. How much
/// is a matter of chance: the same transfer of 1 GiB peaked between 97 and 129 MiB.
///
/// Implements: int malloc_trim(size_t pad);
func keepMemorySmall() async {
    while (try? await Task.sleep(for: .milliseconds(250))) != nil {
        if let resident = residentByteCount(), resident > trimAboveByteCount { _ = malloc_trim(0) }
    }
}

private let trimAboveByteCount = 84 << 20

/// The process's resident memory, in bytes; nil when the kernel does not say. Source: proc_pid_statm(5).
private func residentByteCount() -> Int? {
    guard let file = fopen("/proc/self/statm", "re") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return nil }
    let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
        separator: " ")
    guard fields.count > 1, let pageCount = Int(fields[1]) else { return nil }
    return pageCount * Int(getpagesize())
}
