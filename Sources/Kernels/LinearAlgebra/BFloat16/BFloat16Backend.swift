import CAVX512
import Foundation

/// What multiplies in bfloat16. Results are the same bits for any number of threads, but each back-end sums in an
/// order of its own.
public enum BFloat16Backend: String, CaseIterable, Sendable {
    /// The processor's instruction (AVX512_BF16: AMD from Zen 4 on, Intel's Cooper Lake and Sapphire Rapids).
    case processor = "avx512_bf16"
    /// oneDNN, a library that multiplies on the tile registers of Intel's AMX.
    case oneDNN = "onednn"
    /// Operands are rounded, and multiplied in single precision: the same model on any processor, without the speed.
    case emulated

    /// What this process multiplies with.
    public static let current = choice.backend

    /// Why, and what would be better.
    static let choice = BFloat16Choice(
        processor: .current, hasOneDNN: { OneDNN.shared != nil },
        asked: ProcessInfo.processInfo.environment[BFloat16Choice.variable])

    /// Whether it can be used here.
    public var isAvailable: Bool { isAvailable(on: .current) { OneDNN.shared != nil } }

    /// - Parameter hasOneDNN: loads the library; called only where it would be used.
    func isAvailable(on processor: Processor, hasOneDNN: () -> Bool) -> Bool {
        switch self {
        case .processor: processor.hasBFloat16
        // Operands are rounded by the instruction that the back-end above multiplies with.
        case .oneDNN: processor.hasBFloat16 && hasOneDNN()
        case .emulated: true
        }
    }

    /// Tells back-ends apart that may sum differently; checkpoints record it.
    var name: String {
        switch self {
        case .processor: rawValue
        case .oneDNN: OneDNN.shared?.name ?? "oneDNN"
        case .emulated: "emulated bfloat16"
        }
    }

    /// Whether it has a form of weights of its own, that is made once a step.
    var keepsWeights: Bool { self != .emulated }

    /// `result ← scale · op(left) · op(right) (+ result)`; `op` transposes where told.
    ///
    /// - Parameters:
    ///   - known: the right operand as a weight that was rounded before.
    ///   - depth: the dimension that is summed over.
    func multiply(
        _ left: Matrix, transposed transposesLeft: Bool, _ right: Matrix, transposed transposesRight: Bool,
        known: BFloat16Weight?, into result: Matrix, depth: Int, accumulate: Bool, scale: Float
    ) {
        guard result.rows > 0, result.columns > 0 else { return }
        let scratch = BFloat16Scratch.current
        switch self {
        case .processor:
            let pairs = (depth + 1) / 2
            let a: UnsafeMutablePointer<UInt16>
            if transposesLeft { a = scratch.panels(left, 0) } else { a = scratch.rows(left, 0) }
            let b: UnsafeMutablePointer<UInt16>
            if let known {
                b = transposesRight ? known.forward : known.backward
            } else {
                b = transposesRight ? scratch.transposedPanels(right, 1) : scratch.panels(right, 1)
            }
            bfloat16_multiply(
                a, transposesLeft, b, result.rows, result.columns, pairs, result.base, result.stride, accumulate, scale)
        case .oneDNN:
            guard let library = OneDNN.shared else { preconditionFailure("oneDNN is not there") }
            library.multiply(
                scratch.rows(left, 0), stride: BFloat16Weight.even(left.columns), transposed: transposesLeft,
                known?.forward ?? scratch.rows(right, 1), stride: BFloat16Weight.even(right.columns),
                transposed: transposesRight, into: result, depth: depth, accumulate: accumulate, scale: scale)
        case .emulated:
            ProductLibrary.current.multiply(
                scratch.rounded(left, 0), transposed: transposesLeft, scratch.rounded(right, 1),
                transposed: transposesRight, into: result, depth: depth, accumulate: accumulate, scale: scale)
        }
    }
}
