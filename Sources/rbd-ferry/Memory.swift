import CMalloc

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
