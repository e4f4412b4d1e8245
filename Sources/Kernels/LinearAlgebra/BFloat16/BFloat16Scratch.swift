import CAVX512
import Foundation

/// A thread's own memory for operands that are rounded for one product. It grows to the largest and is given back with the
/// thread.
final class BFloat16Scratch {
    private var buffers: [UnsafeMutableRawBufferPointer?] = [nil, nil]

    /// - Parameter operand: 0 or 1; each has its own.
    func memory(_ operand: Int, byteCount: Int) -> UnsafeMutableRawPointer {
        if let known = buffers[operand], known.count >= byteCount, let base = known.baseAddress { return base }
        buffers[operand]?.deallocate()
        let new = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 1 << 16), alignment: 64)
        buffers[operand] = new
        return new.baseAddress!
    }

    /// Rounded to rows.
    func rows(_ x: Matrix, _ operand: Int) -> UnsafeMutablePointer<UInt16> {
        let result = elements(operand, count: x.rows * BFloat16Weight.even(x.columns))
        bfloat16_rows(x.base, x.rows, x.columns, x.stride, result)
        return result
    }

    /// Rounded to panels of the columns.
    func panels(_ x: Matrix, _ operand: Int) -> UnsafeMutablePointer<UInt16> {
        let result = elements(operand, count: BFloat16Weight.panelCount(width: x.columns, depth: x.rows))
        bfloat16_panels(x.base, x.rows, x.columns, x.stride, result)
        return result
    }

    /// Rounded to panels of the rows.
    func transposedPanels(_ x: Matrix, _ operand: Int) -> UnsafeMutablePointer<UInt16> {
        let result = elements(operand, count: BFloat16Weight.panelCount(width: x.rows, depth: x.columns))
        bfloat16_transposed_panels(x.base, x.rows, x.columns, x.stride, result)
        return result
    }

    /// Rounded, in single precision.
    func rounded(_ x: Matrix, _ operand: Int) -> Matrix {
        x.roundedToBFloat16(in: memory(operand, byteCount: 4 * x.rows * x.columns))
    }

    private func elements(_ operand: Int, count: Int) -> UnsafeMutablePointer<UInt16> {
        memory(operand, byteCount: 2 * count).assumingMemoryBound(to: UInt16.self)
    }

    deinit { for buffer in buffers { buffer?.deallocate() } }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let failure = pthread_key_create(&key) { pointer in
            if let pointer { Unmanaged<BFloat16Scratch>.fromOpaque(pointer).release() }
        }
        precondition(failure == 0, "no key for a thread's memory: error \(failure)")
        return key
    }()

    /// The calling thread's.
    static var current: BFloat16Scratch {
        if let known = pthread_getspecific(key) {
            return Unmanaged<BFloat16Scratch>.fromOpaque(known).takeUnretainedValue()
        }
        let new = BFloat16Scratch()
        pthread_setspecific(key, Unmanaged.passRetained(new).toOpaque())
        return new
    }
}
