import Machine
import Testing

@Suite("Sums and products that stop at the largest number")
struct SaturatingArithmeticTests {
    @Test("What fits is exact, what does not is the end of the range on its side")
    func ends() {
        #expect(Int64(40).addingSaturated(2) == 42)
        #expect(Int64.max.addingSaturated(1) == .max)
        #expect(Int64.min.addingSaturated(-1) == .min)
        #expect(Int8(-11).multipliedSaturated(by: 11) == -121)
        #expect(Int8(12).multipliedSaturated(by: 11) == .max)
        #expect(Int8(-12).multipliedSaturated(by: -11) == .max)
        #expect(Int8(-12).multipliedSaturated(by: 11) == .min)
        #expect(UInt8(16).multipliedSaturated(by: 16) == .max)
    }

    @Test("Every pair of small numbers is the exact result, held within the range")
    func everyPair() {
        let all = Int8.min...Int8.max
        #expect(
            all.allSatisfy { a in
                all.allSatisfy { b in
                    a.addingSaturated(b) == Int8(clamping: Int(a) + Int(b))
                        && a.multipliedSaturated(by: b) == Int8(clamping: Int(a) * Int(b))
                }
            })
    }
}
