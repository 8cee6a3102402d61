import CMalloc

/// How the C library's allocator is to treat the memory of blocks.
enum Memory {
    /// Allocations from this size on are given back to the system when freed, in bytes.
    private static let mappedByteCountMin: CInt = 256 << 10
    /// Heaps that threads share; more of them keep more freed memory.
    private static let heapCountMax: CInt = 2

    /// Gives freed blocks back to the system at once.
    ///
    /// Left alone, glibc moves such allocations to its heaps after the first was freed, one heap a thread, and there
    /// they leave holes: three to four times the memory that is in use.
    ///
    /// Implements: int mallopt(int param, int value);
    static func configure() {
        mallopt(M_MMAP_THRESHOLD, mappedByteCountMin)
        mallopt(M_ARENA_MAX, heapCountMax)
    }
}
