import ImageStore
import Testing

@testable import CephStore

@Suite("Options of a new image")
struct ImageOptionsTests {
    private func numbers(_ layout: ImageLayout, _ byteCount: UInt64) -> [Int32: UInt64] {
        Dictionary(uniqueKeysWithValues: ImageOptions(layout, byteCount: byteCount, dataPool: nil).numbers)
    }

    @Test("the default layout asks for order and features only")
    func standard() {
        #expect(numbers(.standard, 1 << 40) == [1: 61, 2: 22])
    }

    @Test("a striped layout asks for its stripes")
    func striped() {
        let layout = ImageLayout(objectOrder: 20, stripeUnitByteCount: 65536, stripeCount: 4)
        #expect(numbers(layout, 1) == [1: 61, 2: 20, 3: 65536, 4: 4])
    }

    @Test("an image with more objects than an object map holds is made without one")
    func tooManyObjects() {
        let layout = ImageLayout(objectOrder: 12, stripeUnitByteCount: 4096, stripeCount: 1)
        #expect(numbers(layout, 2 << 40)[1] == 61 - 8 - 16)
        #expect(numbers(layout, 1 << 39)[1] == 61)
    }
}
