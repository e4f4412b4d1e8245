import CProcessor
import Foundation

/// Where the time of a step goes, by phase and kernel, for `pretrain bench step --profile`.
///
/// Kernels and phases report themselves. When nobody listens, that costs one load and one branch a call, and calls are
/// on whole chunks.
public enum Profile {
    /// Written only between parallel regions, whose start and end order it with the workers.
    nonisolated(unsafe) private(set) static var isRecording = false
    /// Whether every call is kept, and not only what they come to.
    nonisolated(unsafe) fileprivate(set) static var keepsSpans = false
    private static let recorders = Recorders()

    /// Forgets what was recorded, and records from now on.
    public static func start() {
        start(keepingSpans: false)
    }

    /// Forgets what was recorded, and keeps every call from now on, until `stopSpans`: some hundred bytes each.
    public static func startSpans() { start(keepingSpans: true) }

    private static func start(keepingSpans: Bool) {
        recorders.reset()
        keepsSpans = keepingSpans
        isRecording = true
    }

    /// Ends recording.
    ///
    /// - Returns: what all threads recorded since `start`.
    public static func stop() -> [Profile.Entry] {
        isRecording = false
        return recorders.entries()
    }

    /// Ends recording.
    ///
    /// - Returns: what all threads did since `startSpans`, thread by thread.
    public static func stopSpans() -> [Span] {
        isRecording = false
        keepsSpans = false
        defer { recorders.reset() }
        return recorders.spans()
    }

    /// Does something that is not to be recorded.
    public static func pause(_ body: () -> Void) {
        // Written by nobody where nobody records: other runs of the process may look at it.
        guard isRecording else { return body() }
        isRecording = false
        body()
        isRecording = true
    }

    /// One kernel in one phase, summed over calls and threads.
    public struct Entry: Sendable, Equatable {
        /// Such as "discriminator forward"; empty outside of every phase.
        public var phase: String
        /// The kernel; nil for what the phase did beside its kernels.
        public var kernel: Kernel?
        /// The kernel that called it, if one did: the products of attention.
        public var caller: Kernel?
        /// `[n, m, k]` of a product.
        public var shape: SIMD3<Int32>
        public var calls: Int
        /// Without what nested kernels took.
        public var seconds: Double
        public var flops: Double
        /// What the operands come to, each read or written once.
        public var bytes: Double
    }

    /// Names the part of the step that `body` is.
    @inline(__always)
    public static func phase<Result>(_ name: StaticString, _ body: () throws -> Result) rethrows -> Result {
        guard isRecording else { return try body() }
        let recorder = current()
        recorder.enter(phase: name.description)
        defer { recorder.leave() }
        return try body()
    }

    /// Names what the calling thread waits for or leads while `body` lasts. It is a span and no part of a profile, whose times
    /// are those of threads that compute.
    public static func span<Result>(_ name: StaticString, _ body: () throws -> Result) rethrows -> Result {
        guard keepsSpans else { return try body() }
        let start = now
        defer { add(name.description, from: start, to: now, message: nil) }
        return try body()
    }

    /// Adds a span that the calling thread knows of.
    ///
    /// - Parameters:
    ///   - start: of `now`.
    ///   - message: where it goes to or comes from, if it is a message.
    public static func add(_ name: @autoclosure () -> String, from start: UInt64, to end: UInt64, message: String?) {
        guard keepsSpans else { return }
        current().add(name(), kernel: nil, from: start, to: end, message: message)
    }

    /// Nanoseconds of a clock that only goes forward.
    public static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

    /// A kernel's call begins; `leave` ends it.
    @inline(__always)
    package static func enter(_ kernel: Kernel, shape: SIMD3<Int32> = .zero) {
        if isRecording { current().enter(kernel: kernel, shape: shape) }
    }

    /// - Parameters:
    ///   - flops: additions and multiplications; a fused pair counts as two, other elementary operations as one.
    ///   - floats: read or written, each operand once.
    @inline(__always)
    package static func leave(flops: @autoclosure () -> Int, floats: @autoclosure () -> Int) {
        if isRecording { current().leave(flops: Double(flops()), bytes: 4 * Double(floats())) }
    }

    /// The calling thread's recorder.
    private static func current() -> Recorder {
        let slot = processor_thread_slot()!
        if let known = slot.pointee { return Unmanaged<Recorder>.fromOpaque(known).takeUnretainedValue() }
        let recorder = recorders.make()
        slot.pointee = Unmanaged.passUnretained(recorder).toOpaque()
        return recorder
    }

    /// Keeps every thread's recorder for the life of the process.
    private final class Recorders: @unchecked Sendable {
        private let lock = NSLock()
        private var all: [Recorder] = []

        func make() -> Recorder {
            lock.withLock {
                let recorder = Recorder()
                all.append(recorder)
                return recorder
            }
        }

        func reset() { lock.withLock { for recorder in all { recorder.reset() } } }

        func spans() -> [Span] { lock.withLock { all.flatMap(\.spans) } }

        func entries() -> [Entry] {
            lock.withLock {
                var sums: [Recorder.Key: Recorder.Totals] = [:]
                for recorder in all { sums.merge(recorder.totals) { $0 + $1 } }
                return sums.map { key, totals in
                    Entry(
                        phase: key.phase, kernel: key.kernel, caller: key.caller, shape: key.shape,
                        calls: totals.calls, seconds: totals.seconds, flops: totals.flops, bytes: totals.bytes)
                }
            }
        }
    }
}
