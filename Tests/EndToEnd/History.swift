import Testing

/// How an image came about: what was done to it before each of its snapshots `s1`, `s2` ..., and after the last.
struct History: Sendable, CustomTestStringConvertible {
    let name: String
    var byteCount = 12 * mebibyte
    /// Those of `rbd create`.
    var options: [String] = []
    var isClone = false
    let steps: [[SiteImage.Change]]
    var afterwards: [SiteImage.Change] = []

    private static let mebibyte = 1 << 20

    var testDescription: String { name }

    /// Its snapshots, oldest first.
    var snapshots: [String] { steps.indices.map { "s\($0 + 1)" } }

    /// Each snapshot and the one before it; at last the head, when it differs from the last snapshot.
    var links: [(from: String?, to: String?)] {
        let pairs = zip([nil] + snapshots, snapshots).map { (from: $0, to: Optional($1)) }
        return afterwards.isEmpty ? pairs : pairs + [(from: snapshots.last, to: nil)]
    }

    /// Makes the image, in Ceph.
    func make(_ image: SiteImage) async throws {
        if isClone {
            try await makeParent(image)
        } else {
            try await image.create(byteCount: byteCount, options: options)
        }
        let changes = zip(steps, snapshots).flatMap { $0 + [.snapshot($1)] } + afterwards
        try await image.change(changes)
    }

    private func makeParent(_ image: SiteImage) async throws {
        let parent = image.place.image("\(image.name)-parent")
        try await parent.create(byteCount: byteCount, options: options)
        try await parent.change(
            .scatter(seed: 99, count: 20, byteCountMax: 400_000), .write(seed: 98, offset: 0, byteCount: byteCount / 2),
            .snapshot("base"))
        try await image.stock("clone", "--rbd-default-clone-format", "2", "\(parent.spec)@base", image.spec).run()
    }
}

extension History {
    static let grown = History(
        name: "grown", byteCount: 6 * mebibyte,
        steps: [
            [.scatter(seed: 1, count: 10, byteCountMax: 600_000)],
            [.resize(byteCount: 13 * mebibyte + 512), .scatter(seed: 2, count: 10, byteCountMax: 300_000)],
            [.resize(byteCount: 20 * mebibyte)],
        ], afterwards: [.write(seed: 3, offset: 19 * mebibyte, byteCount: 70_000)])

    static let shrunk = History(
        name: "shrunk",
        steps: [
            [.write(seed: 1, offset: 0, byteCount: 12 * mebibyte)],
            [.resize(byteCount: 9 * mebibyte + 12_345)],
            [.resize(byteCount: 2 * mebibyte + 512), .scatter(seed: 2, count: 3, byteCountMax: 50_000)],
        ], afterwards: [.resize(byteCount: mebibyte)])

    static let shrunkThenGrown = History(
        name: "shrunk, then grown between two snapshots",
        steps: [
            [.write(seed: 1, offset: 0, byteCount: 12 * mebibyte)],
            [.resize(byteCount: mebibyte + 12_345), .resize(byteCount: 14 * mebibyte)],
            [
                .scatter(seed: 2, count: 6, byteCountMax: 300_000), .resize(byteCount: 5 * mebibyte + 1),
                .resize(byteCount: 12 * mebibyte), .write(seed: 3, offset: 6 * mebibyte, byteCount: 5000),
            ],
        ])

    static let discards = History(
        name: "discards inside of objects and across them",
        steps: [
            [.write(seed: 1, offset: 0, byteCount: 12 * mebibyte)],
            [
                .discard(offset: mebibyte, byteCount: 65_536), .discard(offset: 3 * mebibyte, byteCount: 2 * mebibyte),
                .zero(offset: 2 * mebibyte + 5, byteCount: 100_000),
            ],
            [
                .discard(offset: 4 * mebibyte, byteCount: 8 * mebibyte),
                .write(seed: 4, offset: 9_000_001, byteCount: 77),
            ],
        ], afterwards: [.discard(offset: 0, byteCount: 12 * mebibyte)])

    static let noBytes = History(
        name: "no bytes, then some, then none", byteCount: 0,
        steps: [
            [], [.resize(byteCount: 5 * mebibyte + 777), .write(seed: 1, offset: 0, byteCount: 5 * mebibyte + 777)],
            [.resize(byteCount: 0)],
        ])

    static let oddSizes = History(
        name: "odd sizes", byteCount: 5 * mebibyte + 777,
        steps: [
            [.write(seed: 1, offset: 0, byteCount: 5 * mebibyte + 777)],
            [.write(seed: 2, offset: 5 * mebibyte, byteCount: 777), .resize(byteCount: 5 * mebibyte + 778)],
            [.resize(byteCount: 513), .write(seed: 3, offset: 1, byteCount: 512)],
        ])

    static let unchanged = History(
        name: "increments without a change", byteCount: 4 * mebibyte,
        steps: [[], [], [.write(seed: 1, offset: 4096, byteCount: 4096)], []])

    static let manySnapshots = History(
        name: "many snapshots", byteCount: 8 * mebibyte,
        steps: (1...7).map { [.scatter(seed: $0, count: 4, byteCountMax: 200_000)] })

    static let sparse = History(
        name: "a few bytes in fresh objects", byteCount: 40 * mebibyte,
        steps: [
            [
                .write(seed: 1, offset: 3 * mebibyte, byteCount: 65_536),
                .write(seed: 2, offset: 13_000_000, byteCount: 9),
            ],
            [
                .write(seed: 3, offset: 24_000_000, byteCount: 512),
                .write(seed: 4, offset: 39_000_000, byteCount: 4096),
            ],
            [.text(seed: 5, offset: 31 * mebibyte, byteCount: 3000), .zero(offset: 3 * mebibyte, byteCount: 4096)],
        ])

    static let clone = History(
        name: "a clone", isClone: true,
        steps: [
            [.scatter(seed: 2, count: 5, byteCountMax: 100_000)],
            [.discard(offset: 4 * mebibyte, byteCount: 4 * mebibyte), .zero(offset: mebibyte, byteCount: 4096)],
            [.resize(byteCount: 3 * mebibyte), .resize(byteCount: 12 * mebibyte)],
        ])

    private static let mixed: [[SiteImage.Change]] = [
        [.scatter(seed: 1, count: 20, byteCountMax: 400_000)],
        [.scatter(seed: 2, count: 6, byteCountMax: 90_000), .discard(offset: 3 * mebibyte, byteCount: 5 * mebibyte)],
        [
            .resize(byteCount: 7 * mebibyte), .resize(byteCount: 10 * mebibyte),
            .scatter(seed: 3, count: 4, byteCountMax: 9000),
        ],
    ]
    static let striped = History(
        name: "stripes", options: ["--stripe-unit", "64K", "--stripe-count", "4"], steps: mixed)
    static let smallObjects = History(name: "objects of 1 MiB", options: ["--object-size", "1M"], steps: mixed)
    static let fewFeatures = History(
        name: "no object map", options: ["--image-feature", "layering"], steps: mixed)

    /// All of them, in groups that can be tested at once: commands wait more than they work.
    static let groups = [
        HistoryGroup(histories: [grown, shrunk, shrunkThenGrown, discards]),
        HistoryGroup(histories: [noBytes, oddSizes, unchanged, manySnapshots, sparse]),
        HistoryGroup(histories: [clone, striped, smallObjects, fewFeatures]),
    ]
}

/// Histories that are tested at once.
struct HistoryGroup: Sendable, CustomTestStringConvertible {
    let histories: [History]

    var testDescription: String { histories.map(\.name).joined(separator: "; ") }
}
