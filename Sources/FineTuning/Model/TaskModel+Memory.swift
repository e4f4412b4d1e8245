import Encoder
import Engine
import Kernels
import Machine
import Optimization

extension TaskModel {
    /// Refuses what cannot work before memory is asked for.
    ///
    /// - Parameters:
    ///   - shape: of the pretrained networks.
    ///   - kind: of the optimizer; nil where nothing is trained.
    ///   - precision: of products.
    /// - Throws: `MemoryShortage`.
    func checkMemory(
        _ shape: ModelConfiguration, optimizer kind: OptimizerKind?, precision: ProductPrecision, threads: Int,
        _ limits: MachineLimits = MachineLimits()
    ) throws {
        let gradients = LaneGradients.bufferLimit(laneCount: TaskEngine.mostLanes, threadCount: threads)
        let buffers = kind.map { 1 + $0.state.count + gradients } ?? 1
        // From which a checkpoint is written.
        let copies = kind.map { 1 + $0.state.count } ?? 0
        let bytes = ModelCost.sum(
            ModelCost.bytes(4, layout.bufferCount, buffers + copies), ModelCost.bytes(4, activationCount, threads),
            ModelCost.rotaryBytes(shape, shape.discriminatorShape, length: longestText),
            ModelCost.roundedBytes(layout, precision, threads: threads, rows: chunkTokens),
            ModelCost.bytes(
                4, threads, kind?.cost(layout, precision: precision, isFrozen: isFrozen(tensor:)).floats ?? 0))
        try limits.check(
            kind == nil ? "the model" : "fine-tuning", bytes: bytes, reserved: Kernels.reservedBytes(threads: threads),
            advice: kind == nil
                ? "lower --threads, or take a machine with more memory"
                : "lower training.maximum_length, training.chunk_tokens, training.adapter_size or --threads")
    }
}
