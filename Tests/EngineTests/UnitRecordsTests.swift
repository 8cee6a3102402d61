import DiffStream
import FerryCore
import ImageStore
import Pipeline
import TestSupport
import Testing

@testable import Engine

@Suite("Records of a unit")
struct UnitRecordsTests {
    /// A piece of a unit: data as given, or zeros that are known.
    private enum Part {
        case data([UInt8])
        case zeros(Int)

        var byteCount: Int {
            switch self {
            case .data(let bytes): bytes.count
            case .zeros(let count): count
            }
        }
    }

    /// The records of one unit of these parts, 1 MiB into the image and a granule apart, as the sender makes them.
    private func records(_ parts: [Part], sendsZeros: Bool) -> UnitRecords {
        var planner = DeltaUnitPlanner(room: UnitRecords.room)
        var data: [UInt64: [UInt8]] = [:]
        var offset: UInt64 = 1 << 20
        for part in parts {
            let extent = Extent(offset: offset, byteCount: UInt64(part.byteCount))
            if case .data(let bytes) = part { data[offset] = bytes }
            planner.add(ChangedExtent(extent, data[offset] == nil ? .zero : .data))
            offset = (extent.end / 4096 + 2) * 4096
        }
        planner.finish()
        let units = planner.takeReady()
        let buffer = DataBuffer(byteCount: units[0].bufferByteCount)
        for case .data(let extent, let position) in units[0].pieces {
            let bytes = data[extent.offset] ?? []
            buffer.write(bytes.span, at: position)
        }
        return UnitRecords(unit: units[0], buffer: buffer, sendsZeros: sendsZeros)
    }

    /// What the records say, byte for byte: offset and data, nil for zeros.
    private func decoded(_ records: UnitRecords) throws -> [(offset: UInt64, data: [UInt8]?, byteCount: UInt64)] {
        let bytes = records.content.bytes
        var decoder = DiffDecoder(banner: .absent)
        var position = 0
        var found: [(offset: UInt64, data: [UInt8]?, byteCount: UInt64)] = []
        while let event = try decoder.next(bytes.span, at: &position) {
            switch event {
            case .data(let offset, let range):
                found.append((offset, Array(bytes[range]), UInt64(range.count)))
            case .zero(let extent): found.append((extent.offset, nil, extent.byteCount))
            default: break
            }
        }
        #expect(position == bytes.count && decoder.isBetweenRecords)
        return found
    }

    private func noise(_ count: Int, _ seed: UInt64 = 1) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 1...255, using: &generator) }
    }

    @Test("data without zeros become records where they are", arguments: [true, false])
    func inPlace(sendsZeros: Bool) throws {
        let parts = [noise(65536), noise(1, 2), noise(5000, 3)]
        let records = records(parts.map { .data($0) }, sendsZeros: sendsZeros)
        #expect(records.count == 3)
        #expect(records.content.range.lowerBound == SealedBlock.frontByteCount)
        #expect(try decoded(records).map(\.data) == parts)
    }

    @Test("zeros in the data become zero records, or nothing", arguments: [true, false])
    func zerosInside(sendsZeros: Bool) throws {
        let (first, last) = (noise(4096), noise(100, 2))
        let bytes = first + [UInt8](repeating: 0, count: 8192) + last
        let found = try decoded(records([.data(bytes), .data([0, 0])], sendsZeros: sendsZeros))
        #expect(found.compactMap(\.data) == [first, last])
        #expect(found.filter { $0.data == nil }.map(\.byteCount) == (sendsZeros ? [8192, 2] : []))
    }

    @Test("zeros that are known become zero records, or nothing", arguments: [true, false])
    func knownZeros(sendsZeros: Bool) throws {
        let data = noise(4096)
        let records = records([.zeros(4096), .data(data), .zeros(1 << 19)], sendsZeros: sendsZeros)
        let found = try decoded(records)
        #expect(records.count == (sendsZeros ? 3 : 1))
        #expect(found.map(\.byteCount) == (sendsZeros ? [4096, 4096, 1 << 19] : [4096]))
        #expect(found.compactMap(\.data) == [data])
    }

    @Test("any mix of data and zeros comes out as it went in")
    func property() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let parts = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                var bytes = [UInt8](repeating: 0, count: Int.random(in: 1...20_000, using: &generator))
                for _ in 0..<Int.random(in: 0...3, using: &generator) {
                    let place = Int.random(in: 0..<bytes.count, using: &generator)
                    for index in place..<min(bytes.count, place + 5000) { bytes[index] = 7 }
                }
                return bytes
            }
            let found = try decoded(records(parts.map { .data($0) }, sendsZeros: true))
            let all = found.flatMap { $0.data ?? [UInt8](repeating: 0, count: Int($0.byteCount)) }
            #expect(all == parts.flatMap(\.self), "seed \(seed)")
        }
    }
}
