import ImageStore

/// Our state that is kept with the image.
let metadataCases: [ConformanceCase] = [
    ConformanceCase("metadata is set, replaced and removed") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withMirror { mirror in
            try expect("absent key", try await mirror.metadata("rbd-ferry.a"), equals: nil)
            try await mirror.removeMetadata("rbd-ferry.a")
            try await mirror.setMetadata("rbd-ferry.a", to: "one")
            try await mirror.setMetadata("rbd-ferry.b", to: "two")
            try expect("set", try await mirror.metadata("rbd-ferry.a"), equals: "one")
            try await mirror.setMetadata("rbd-ferry.a", to: "three")
            try expect("replaced", try await mirror.metadata("rbd-ferry.a"), equals: "three")
            try expect("another key", try await mirror.metadata("rbd-ferry.b"), equals: "two")
            try await mirror.removeMetadata("rbd-ferry.a")
            try await mirror.removeMetadata("rbd-ferry.a")
            try expect("removed", try await mirror.metadata("rbd-ferry.a"), equals: nil)
            try expect("the other key stays", try await mirror.metadata("rbd-ferry.b"), equals: "two")
        }
    },
    ConformanceCase("metadata takes long values and all of Unicode") { scratch in
        try await scratch.create(byteCount: mebibyte)
        let long = String(repeating: "0123456789abcdef", count: 512)
        let unicode = "{\"näme\": \"日本語 🚢\", \"line\": \"a\\nb\"}\n\ttail\u{7f}"
        try await scratch.withMirror { mirror in
            try await mirror.setMetadata("rbd-ferry.long", to: long)
            try await mirror.setMetadata("rbd-ferry.unicode", to: unicode)
            try expect("long value", try await mirror.metadata("rbd-ferry.long"), equals: long)
        }
        try await scratch.withSource { source in
            try expect("long value at the source", try await source.metadata("rbd-ferry.long"), equals: long)
            try expect("unicode value", try await source.metadata("rbd-ferry.unicode"), equals: unicode)
        }
    },
    ConformanceCase("all metadata is listed in order of key, however much there is") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            try expect("nothing set", try await source.allMetadata(), equals: [])
        }
        var entries = (100..<190).map { ImageMetadata(key: "key-\($0)", value: String(repeating: "v", count: $0)) }
        entries.append(ImageMetadata(key: "zero", value: ""))
        entries.append(ImageMetadata(key: "ö", value: "ü\n"))
        try await scratch.withMirror { mirror in
            for entry in entries.reversed() { try await mirror.setMetadata(entry.key, to: entry.value) }
        }
        try await scratch.withSource { source in
            try expect("all entries", try await source.allMetadata(), equals: entries)
        }
    },
    ConformanceCase("metadata set by one handle is seen by another that was open before") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withSource { source in
            try expect("before", try await source.metadata("rbd-ferry.a"), equals: nil)
            try await scratch.withMirror { try await $0.setMetadata("rbd-ferry.a", to: "one") }
            try expect("after", try await source.metadata("rbd-ferry.a"), equals: "one")
            try await source.setMetadata("rbd-ferry.a", to: "two")
            try await scratch.withMirror { mirror in
                try expect("set by the source", try await mirror.metadata("rbd-ferry.a"), equals: "two")
            }
        }
    },
    ConformanceCase("metadata of an image does not come back with its name") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withMirror { try await $0.setMetadata("rbd-ferry.a", to: "one") }
        try await scratch.removeEverything()
        try await scratch.create(byteCount: mebibyte)
        let value = try await scratch.withMirror { try await $0.metadata("rbd-ferry.a") }
        try expect("metadata", value, equals: nil)
    },
]
