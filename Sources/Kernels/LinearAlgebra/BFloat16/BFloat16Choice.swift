import Foundation

/// Which back-end multiplies in bfloat16, by what the processor has and what is installed.
package struct BFloat16Choice: Sendable, Equatable {
    /// Takes a back-end by name, whatever would be chosen.
    package static let variable = "PRETRAIN_BFLOAT16"

    /// Whether the environment names one.
    static var wasAsked: Bool { !(ProcessInfo.processInfo.environment[variable] ?? "").isEmpty }

    package let backend: BFloat16Backend
    /// What to change about the installation, if anything.
    package let advice: String?
    /// What was asked for and cannot be had.
    package let error: BFloat16Error?

    /// - Parameters:
    ///   - hasOneDNN: loads the library; called only where it would be used.
    ///   - asked: the variable's value.
    package init(processor: Processor, hasOneDNN: () -> Bool, asked: String?) {
        func isAvailable(_ backend: BFloat16Backend) -> Bool {
            backend.isAvailable(on: processor, hasOneDNN: hasOneDNN)
        }
        let fallback: BFloat16Backend = processor.hasBFloat16 ? .processor : .emulated
        if let asked, !asked.isEmpty {
            let wanted = BFloat16Backend(rawValue: asked)
            let isThere = wanted.map(isAvailable) ?? false
            backend = isThere ? wanted ?? fallback : fallback
            error = isThere ? nil : wanted.map(BFloat16Error.unavailable) ?? .unknown(asked)
            advice = nil
            return
        }
        error = nil
        // Intel's processors with AMX execute `vdpbf16ps` more slowly than products in single precision; the tiles multiply
        // sixteen times as much at a time.
        guard processor.hasAMX, processor.hasBFloat16 else {
            (backend, advice) = (fallback, nil)
            return
        }
        let isThere = isAvailable(.oneDNN)
        backend = isThere ? .oneDNN : fallback
        advice =
            isThere
            ? nil
            : "this processor multiplies bfloat16 on tiles (AMX), which needs oneDNN: install libdnnl2 or libdnnl3 (apt)"
    }
}

/// A back-end that was asked for.
public enum BFloat16Error: Error, Equatable, CustomStringConvertible {
    case unknown(String)
    case unavailable(BFloat16Backend)

    public var description: String {
        switch self {
        case .unknown(let name):
            let names = BFloat16Backend.allCases.map(\.rawValue).joined(separator: ", ")
            return "\(BFloat16Choice.variable)=\(name): no such way to multiply in bfloat16; there are \(names)"
        case .unavailable(.oneDNN) where Processor.current.hasBFloat16:
            return
                "\(BFloat16Choice.variable)=onednn: no oneDNN with threads of OpenMP is installed; install libdnnl2 or libdnnl3 (apt)"
        case .unavailable(let backend):
            return "\(BFloat16Choice.variable)=\(backend.rawValue): this processor has no AVX512_BF16"
        }
    }
}
