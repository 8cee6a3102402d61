import Testing

/// Real processes, real clusters. One test at a time: they share two clusters and this machine.
@Suite("End to end", .serialized)
enum EndToEnd {}
