import Kernels
import Testing

@Suite("What multiplies in bfloat16, by processor")
struct BFloat16ChoiceTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var hasBFloat16 = false
        var hasAMX = false
        var isInstalled = false
        var asked: String?
        var expected: BFloat16Backend
        var advises = false
        var error: BFloat16Error?
    }

    static let cases: [Case] = [
        Case(testDescription: "Haswell", expected: .emulated),
        Case(testDescription: "Skylake, with oneDNN", isInstalled: true, expected: .emulated),
        Case(testDescription: "Zen 4", hasBFloat16: true, expected: .processor),
        Case(testDescription: "Zen 5, with oneDNN", hasBFloat16: true, isInstalled: true, expected: .processor),
        Case(
            testDescription: "Sapphire Rapids, with oneDNN", hasBFloat16: true, hasAMX: true, isInstalled: true,
            expected: .oneDNN),
        Case(
            testDescription: "Sapphire Rapids, without", hasBFloat16: true, hasAMX: true, expected: .processor,
            advises: true),
        Case(testDescription: "tiles without AVX-512", hasAMX: true, isInstalled: true, expected: .emulated),
        Case(
            testDescription: "asked for oneDNN", hasBFloat16: true, isInstalled: true, asked: "onednn",
            expected: .oneDNN),
        Case(
            testDescription: "asked for oneDNN, which is not there", hasBFloat16: true, asked: "onednn",
            expected: .processor, error: .unavailable(.oneDNN)),
        Case(
            testDescription: "asked for the instruction", hasBFloat16: true, hasAMX: true, isInstalled: true,
            asked: "avx512_bf16", expected: .processor),
        Case(
            testDescription: "asked for an instruction that is not there", asked: "avx512_bf16", expected: .emulated,
            error: .unavailable(.processor)),
        Case(testDescription: "asked for emulation", hasBFloat16: true, asked: "emulated", expected: .emulated),
        Case(
            testDescription: "asked for what does not exist", hasBFloat16: true, asked: "tpu", expected: .processor,
            error: .unknown("tpu")),
        Case(testDescription: "asked for nothing", hasBFloat16: true, asked: "", expected: .processor),
    ]

    @Test(arguments: cases) func choice(_ c: Case) {
        let processor = Processor(
            vendor: "", family: 0, model: 0, instructions: .avx512, hasBFloat16: c.hasBFloat16, hasAMX: c.hasAMX)
        let choice = BFloat16Choice(processor: processor, hasOneDNN: { c.isInstalled }, asked: c.asked)
        #expect(choice.backend == c.expected)
        #expect((choice.advice != nil) == c.advises)
        #expect(choice.error == c.error)
    }

    @Test("The library is not loaded where it would not be used") func notLoaded() {
        let processor = Processor(vendor: "", family: 0, model: 0, instructions: .avx512, hasBFloat16: true)
        let choice = BFloat16Choice(
            processor: processor,
            hasOneDNN: {
                Issue.record("loaded")
                return true
            }, asked: nil)
        #expect(choice.backend == .processor)
    }
}
