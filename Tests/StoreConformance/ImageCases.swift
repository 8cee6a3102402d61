import FerryCore
import ImageStore

/// Names, creation, identity and removal.
let imageCases: [ConformanceCase] = [
    ConformanceCase("a name that was never created opens as nothing") { scratch in
        let mirror = try await scratch.store.openMirror(scratch.name)
        try expect("openMirror is nil", mirror == nil)
        try await expect("openSource", throws: .notFound) { try await scratch.store.openSource(scratch.name) }
        let names = try await scratch.store.imageNames()
        try expect("name is listed", names.contains(scratch.name), equals: false)
    },
    ConformanceCase("names are listed sorted") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await ScratchImage.with(scratch.store, prefix: scratch.prefix) { other in
            try await other.create(byteCount: mebibyte)
            let names = try await scratch.store.imageNames()
            try expect("names", names, equals: names.sorted())
            try expect("both names are listed", names.contains(scratch.name) && names.contains(other.name))
        }
        let names = try await scratch.store.imageNames()
        try expect("name is listed", names.contains(scratch.name))
    },
    ConformanceCase("a taken name can't be created again") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await expect("createMirror", throws: .alreadyExists) {
            try await scratch.store.createMirror(scratch.name, byteCount: mebibyte, layout: .standard)
        }
    },
    ConformanceCase("an image has one identity however it is opened") { scratch in
        let created = try await scratch.store.createMirror(scratch.name, byteCount: mebibyte, layout: .standard)
        await created.close()
        let mirror = try await scratch.withMirror { $0.identity }
        let source = try await scratch.withSource { $0.identity }
        try expect("identity of the mirror", mirror, equals: created.identity)
        try expect("identity of the source", source, equals: created.identity)
    },
    ConformanceCase("an image made anew under the same name has another identity") { scratch in
        try await scratch.create(byteCount: mebibyte)
        let first = try await scratch.withSource { $0.identity }
        try await scratch.removeEverything()
        try await scratch.create(byteCount: mebibyte)
        let second = try await scratch.withSource { $0.identity }
        try expect("identity differs", first != second, found: "\(second)")
        try expect("cluster", second.cluster, equals: first.cluster)
        try expect("pool", second.pool, equals: first.pool)
    },
    ConformanceCase("a removed image is gone") { scratch in
        try await scratch.create(testBytes(mebibyte))
        try await scratch.store.openMirror(scratch.name)?.remove()
        let mirror = try await scratch.store.openMirror(scratch.name)
        try expect("openMirror is nil", mirror == nil)
        let names = try await scratch.store.imageNames()
        try expect("name is listed", names.contains(scratch.name), equals: false)
    },
    ConformanceCase("an image with a snapshot is not removed") { scratch in
        try await scratch.create(testBytes(mebibyte))
        let snapshot = try await scratch.withMirror { try await $0.createSnapshot("s1") }
        let mirror = try await scratch.store.openMirror(scratch.name)
        try await expect("remove", throws: .locked) { try await mirror?.remove() }
        await mirror?.close()
        let contents = try await scratch.withSource { try await $0.contents(of: snapshot) }
        try expectBytes("contents", contents, equal: testBytes(mebibyte))
    },
    ConformanceCase("a layout that differs from the standard one is taken") { scratch in
        let layout = ImageLayout(objectOrder: 20, stripeUnitByteCount: 1 << 16, stripeCount: 4)
        let mirror = try await scratch.store.createMirror(scratch.name, byteCount: 3 * mebibyte, layout: layout)
        await mirror.close()
        let found = try await scratch.withSource { $0.layout }
        try expect("layout", found, equals: layout)
        let bytes = testBytes(2 * mebibyte)
        let snapshot = try await scratch.withMirror { mirror in
            try await mirror.write([(mebibyte / 2 + 3, bytes)])
            return try await mirror.createSnapshot("s1")
        }
        var expected = zeroBytes(3 * mebibyte)
        expected.overwrite(at: mebibyte / 2 + 3, with: bytes)
        try await scratch.withSource { source in
            try await source.withDelta(from: nil, to: snapshot) { delta in
                try await delta.check("striped image", turns: [], into: expected)
            }
        }
    },
    ConformanceCase("closing twice is no error") { scratch in
        let mirror = try await scratch.store.createMirror(scratch.name, byteCount: mebibyte, layout: .standard)
        try await mirror.lock()
        await mirror.close()
        await mirror.close()
        let source = try await scratch.store.openSource(scratch.name)
        await source.close()
        await source.close()
    },
]
