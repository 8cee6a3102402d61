import CMalloc

/// Keeps the process small, at the price of more page faults. Called first thing, before there are threads.
func tuneAllocator() {
    // glibc gives each busy thread an arena of its own, and librados has many threads.
    _ = mallopt(M_ARENA_MAX, 2)
    // Blocks of a megabyte that come and go leave holes in the heap: without this, a process with 80 MiB in use grew
    // to 300 MiB. Stating the threshold also keeps glibc from raising it.
    _ = mallopt(M_MMAP_THRESHOLD, 256 << 10)
}
