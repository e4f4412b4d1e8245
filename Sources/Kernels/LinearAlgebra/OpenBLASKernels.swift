/// Chooses OpenBLAS's kernels by what the processor has, not by whether OpenBLAS knows its model.
///
/// OpenBLAS looks at the model's number first. 0.3.21 takes a forgotten `break` for Intel's models from 0xB0 on, such as
/// Raptor Lake and Emerald Rapids, and calls them Prescott, a processor of 2004; versions before 0.3.19 do so with every
/// model that they do not know.
public enum OpenBLASKernels {
    /// The instructions that the single-precision kernels of a name use; nil for names that are not known here, of other
    /// architectures or later than this list.
    static func instructions(of name: String) -> Processor.Instructions? {
        switch name.lowercased() {
        case "katmai", "coppermine", "northwood", "prescott", "banias", "atom", "core2", "penryn", "dunnington",
            "nehalem", "athlon", "opteron", "opteron_sse3", "barcelona", "bobcat", "nano":
            .sse
        case "sandybridge", "bulldozer", "piledriver", "steamroller", "excavator": .avx
        case "haswell", "zen": .avx2
        case "skylakex", "cooperlake", "sapphirerapids": .avx512
        default: nil
        }
    }

    /// Names that every version since 0.3.0 takes in `OPENBLAS_CORETYPE`. 0.3.21 does not take "Cooperlake", whose kernels
    /// for single precision are those of SkylakeX.
    private static func name(of instructions: Processor.Instructions) -> String? {
        switch instructions {
        case .sse: nil
        case .avx: "Sandybridge"
        case .avx2: "Haswell"
        case .avx512: "SkylakeX"
        }
    }

    /// What is better on a processor than the kernels that OpenBLAS has chosen, best first; empty where nothing is.
    ///
    /// - Parameter chosen: as `openblas_get_corename` tells.
    public static func better(than chosen: String, on processor: Processor) -> [String] {
        guard let present = instructions(of: chosen) else { return [] }
        // Bulldozer's family executes AVX in halves, and OpenBLAS has kernels for it alone.
        if processor.vendor == "AuthenticAMD", processor.family == 0x15, present >= .avx { return [] }
        let best = processor.worthwhile
        if present > best { return [name(of: best)].compactMap(\.self) }
        return Processor.Instructions.allCases.filter { $0 > present && $0 <= best }.reversed().compactMap(name)
    }
}
