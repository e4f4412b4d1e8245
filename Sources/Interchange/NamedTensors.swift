/// Tensors that are found by name, wherever they are kept: a parameter store, a file, a dictionary.
public protocol NamedTensors {
    /// Names of all tensors.
    var names: [String] { get }

    /// Shape of a tensor, or nil if there is none of that name.
    func shape(of name: String) -> [Int]?

    /// Shows the values of a tensor, row-major, to `body`.
    ///
    /// - Throws: What `body` throws, or an error if the tensor is missing or cannot be read.
    func withValues<Result>(of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result) throws -> Result
}

extension NamedTensors {
    /// Values of a tensor, row-major.
    public func values(of name: String) throws -> [Float] { try withValues(of: name) { Array($0) } }
}

/// Named tensors in memory.
public struct TensorDictionary: NamedTensors, Sendable, Equatable {
    public struct Tensor: Sendable, Equatable {
        public var shape: [Int]
        /// Row-major; as many as the product of `shape`.
        public var values: [Float]

        public init(shape: [Int], values: [Float]) {
            precondition(shape.reduce(1, *) == values.count, "\(values.count) values do not fill a tensor of \(shape)")
            self.shape = shape
            self.values = values
        }
    }

    /// A tensor that was asked for and is not there.
    public struct MissingTensor: Error, Equatable, CustomStringConvertible {
        public var name: String
        public var description: String { "there is no tensor named \(name)" }
    }

    public var tensors: [String: Tensor]

    public init(_ tensors: [String: Tensor] = [:]) { self.tensors = tensors }

    /// Reads all tensors of a source into memory.
    public init(copying source: some NamedTensors) throws {
        tensors = [:]
        for name in source.names {
            guard let shape = source.shape(of: name) else { throw MissingTensor(name: name) }
            tensors[name] = Tensor(shape: shape, values: try source.values(of: name))
        }
    }

    /// Names in ascending order.
    public var names: [String] { tensors.keys.sorted() }

    public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    public func withValues<Result>(
        of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) throws -> Result {
        guard let tensor = tensors[name] else { throw MissingTensor(name: name) }
        return try tensor.values.withUnsafeBufferPointer(body)
    }
}
