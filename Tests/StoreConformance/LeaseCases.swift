public import ImageStore

private let minute = Duration.seconds(60)

/// Who may work on an image. No case waits for a lease to run out.
let leaseCases: [ConformanceCase] = [
    ConformanceCase("a lease is refused to another holder, who learns whose it is, until it is released") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            let lease = try await source.lease(holder: "first on host a", duration: minute)
            try await lease.renew()
            try await expectTaken(source, by: "first on host a")
            await lease.release()
            let second = try await source.lease(holder: "second", duration: minute)
            try await expectTaken(source, by: "second", to: "first on host a")
            await second.release()
        }
    },
    ConformanceCase("a lease is on one image, whatever the handle it was taken through") { scratch in
        try await scratch.create(byteCount: mebibyte)
        let lease = try await scratch.withSource { try await $0.lease(holder: "first", duration: minute) }
        try await lease.renew()
        try await scratch.withSource { try await expectTaken($0, by: "first") }
        try await ScratchImage.with(scratch.store, prefix: scratch.prefix) { other in
            try await other.create(byteCount: mebibyte)
            try await other.withSource { await (try $0.lease(holder: "second", duration: minute)).release() }
        }
        await lease.release()
    },
    ConformanceCase("the same holder takes its lease again, and one release is enough for both") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            let first = try await source.lease(holder: "first", duration: minute)
            let again = try await source.lease(holder: "first", duration: minute)
            try await first.renew()
            try await again.renew()
            await first.release()
            try await expect("renew", throws: .locked) { try await again.renew() }
            await (try source.lease(holder: "second", duration: minute)).release()
            await again.release()
        }
    },
    ConformanceCase("a lease that was released is not renewed, and a late release harms no one") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            let first = try await source.lease(holder: "first", duration: minute)
            await first.release()
            try await expect("renew with no holder", throws: .locked) { try await first.renew() }
            let second = try await source.lease(holder: "second", duration: minute)
            try await expect("renew with another holder", throws: .locked) { try await first.renew() }
            await first.release()
            try await second.renew()
            await second.release()
        }
    },
    ConformanceCase("a lease keeps nobody from the image's snapshots") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            let lease = try await source.lease(holder: "first", duration: minute)
            try await scratch.withSource { other in
                try await other.removeSnapshot(try await other.createSnapshot("s1").identity)
            }
            await lease.release()
        }
    },
    ConformanceCase("an image that was removed has no lease to take or to renew") { scratch in
        try await scratch.create(byteCount: mebibyte)
        let source = try await scratch.store.openSource(scratch.name)
        let lease = try await source.lease(holder: "first", duration: minute)
        await source.close()
        let mirror = try await scratch.store.openMirror(scratch.name)
        try await mirror?.remove()
        do {
            try await lease.renew()
            throw ConformanceFailure(subject: "renew", expected: "an error", found: "none")
        } catch let error as StoreError {
            try expect("reason", [.locked, .notFound].contains(error.reason), found: "\(error)")
        }
        await lease.release()
    },
    ConformanceCase("terms that no store can keep are refused") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            for (holder, duration) in [("", minute), ("a\0b", minute), ("a", .zero), ("a", .seconds(100_000))] {
                try await expect("lease", throws: .unsupported) {
                    try await source.lease(holder: holder, duration: duration)
                }
            }
        }
    },
]

extension StoreConformance {
    /// Cases for stores whose leases run out. `elapse` lets at least so much time go by for the store.
    public static func leaseTimeCases(
        _ elapse: @escaping @Sendable (any ImageStore, Duration) async throws -> Void
    ) -> [ConformanceCase] {
        let second = Duration.seconds(1)
        return [
            ConformanceCase("a lease that is not renewed runs out, and who had it can't renew it") { scratch in
                try await scratch.create(byteCount: mebibyte)
                try await scratch.withSource { source in
                    let first = try await source.lease(holder: "first", duration: second)
                    try await elapse(scratch.store, second * 1.2)
                    try await expect("renew with no holder", throws: .locked) { try await first.renew() }
                    let next = try await source.lease(holder: "next", duration: minute)
                    try await expect("renew with another holder", throws: .locked) { try await first.renew() }
                    try await expectTaken(source, by: "next", to: "first")
                    await next.release()
                }
            },
            ConformanceCase("a lease that is renewed goes on, and so does one that its holder takes again") { scratch in
                try await scratch.create(byteCount: mebibyte)
                try await scratch.withSource { source in
                    // Long enough for a busy machine to renew it in time.
                    let first = try await source.lease(holder: "first", duration: second * 12)
                    for round in 0..<3 {
                        try await elapse(scratch.store, second * 5)
                        if round == 1 {
                            _ = try await source.lease(holder: "first", duration: second * 12)
                        } else {
                            try await first.renew()
                        }
                        try await expectTaken(source, by: "first")
                    }
                    await first.release()
                }
            },
        ]
    }
}

/// Throws unless the lease is refused to `other` with the name of `holder`.
private func expectTaken(_ source: any SourceImage, by holder: String, to other: String = "other") async throws {
    do {
        _ = try await source.lease(holder: other, duration: minute)
        throw ConformanceFailure(subject: "lease for \(other)", expected: "an error: locked", found: "a lease")
    } catch let error as StoreError {
        try expect("reason", error.reason, equals: .locked)
        try expect("the holder is named", error.detail.contains(holder), found: error.detail)
    }
}
