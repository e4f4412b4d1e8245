/// One tensor of 32-bit floats in the caller's memory: row-major, without gaps.
///
/// The view does not own its memory. It must stay valid until the call that takes it returns; a background write
/// takes its own copy before it returns.
public struct TensorView: @unchecked Sendable {
    public var name: String
    /// Sizes of the dimensions; empty for a scalar.
    public var shape: [Int]
    /// `[elementCount]` floats.
    public var elements: UnsafeBufferPointer<Float>

    public init(name: String, shape: [Int], elements: UnsafeBufferPointer<Float>) {
        self.name = name
        self.shape = shape
        self.elements = elements
    }
}

/// Where a tensor is to be read to. The memory must hold exactly as many floats as the stored tensor has.
public struct MutableTensorView: @unchecked Sendable {
    public var name: String
    public var shape: [Int]
    public var elements: UnsafeMutableBufferPointer<Float>

    public init(name: String, shape: [Int], elements: UnsafeMutableBufferPointer<Float>) {
        self.name = name
        self.shape = shape
        self.elements = elements
    }
}

/// Tensors that are stored together, in this order, in `<name>.lz4`.
public struct TensorGroup: Sendable {
    /// Name of the group that holds the model's weights, the one that `CheckpointReader.weightsSHA256` is computed over.
    public static let weights = "weights"
    public static let firstMoments = "first_moments"
    public static let secondMoments = "second_moments"

    public var name: String
    public var tensors: [TensorView]

    public init(name: String, tensors: [TensorView]) {
        self.name = name
        self.tensors = tensors
    }
}

/// A small named file of a checkpoint, such as the resolved configuration, stored as `<name>.lz4`.
public struct CheckpointDocument: Sendable, Equatable {
    /// A file name without folders: letters, digits, `.`, `_` and `-`, not starting with a dot.
    public var name: String
    public var bytes: [UInt8]

    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    public init(name: String, text: String) {
        self.init(name: name, bytes: Array(text.utf8))
    }
}

/// Everything that one checkpoint holds.
public struct CheckpointContents: Sendable {
    /// Number of completed training steps.
    public var step: Int
    public var groups: [TensorGroup]
    public var documents: [CheckpointDocument]
    /// Free-form facts for people and tools; nothing here is needed to decode the checkpoint.
    public var metadata: [String: String]

    public init(
        step: Int, groups: [TensorGroup], documents: [CheckpointDocument] = [], metadata: [String: String] = [:]
    ) {
        self.step = step
        self.groups = groups
        self.documents = documents
        self.metadata = metadata
    }
}
