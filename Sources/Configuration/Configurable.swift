/// A group of settings that can be read from YAML, written back, checked and documented.
///
/// A conforming type lists each of its settings once, in `visit`; reading, writing, the list of known keys and the
/// documentation all come from that one list. Default values are the stored properties' initial values.
///
///     public struct OptimizerConfiguration: Configurable {
///         public var peakLearningRate = 5e-4
///         public init() {}
///         public mutating func visit(_ fields: inout some FieldVisitor) throws {
///             try fields.number("peak_learning_rate", &peakLearningRate, 0...10, "Learning rate after warmup.")
///         }
///     }
public protocol Configurable: Sendable {
    init()

    /// Shows every setting to the visitor, which may change it.
    mutating func visit(_ fields: inout some FieldVisitor) throws

    /// Checks what no single setting can tell, after all of them are known.
    ///
    /// - Throws: `InvalidSetting`, naming the key at fault relative to this group.
    func validate() throws

    /// Which settings are read only if others are as they have to be; the rest always are.
    var uses: [SettingUse] { get }
}

extension Configurable {
    public func validate() throws {}
    public var uses: [SettingUse] { [] }
}

/// What `Configurable.visit` shows its settings to: a reader, a writer or a documenter.
///
/// Keys are in snake_case. Ranges are inclusive; a value outside is an error that names key, line and range.
public protocol FieldVisitor {
    mutating func integer(_ key: String, _ value: inout Int, _ range: ClosedRange<Int>, _ help: String) throws
    /// An integer that may be absent (`null`), in which case the engine derives it.
    mutating func integer(_ key: String, _ value: inout Int?, _ range: ClosedRange<Int>, _ help: String) throws
    mutating func integers(_ key: String, _ value: inout [Int], _ range: ClosedRange<Int>, _ help: String) throws
    mutating func number(_ key: String, _ value: inout Double, _ range: ClosedRange<Double>, _ help: String) throws
    mutating func number(_ key: String, _ value: inout Double?, _ range: ClosedRange<Double>, _ help: String) throws
    mutating func flag(_ key: String, _ value: inout Bool, _ help: String) throws
    mutating func text(_ key: String, _ value: inout String, _ help: String) throws
    mutating func text(_ key: String, _ value: inout String?, _ help: String) throws
    mutating func texts(_ key: String, _ value: inout [String], _ help: String) throws
    mutating func choice<Choice>(_ key: String, _ value: inout Choice, _ help: String) throws
    where Choice: RawRepresentable & CaseIterable & Sendable, Choice.RawValue == String
    mutating func group<Group: Configurable>(_ key: String, _ value: inout Group, _ help: String) throws
    mutating func groups<Group: Configurable>(_ key: String, _ value: inout [Group], _ help: String) throws
}

/// A setting that contradicts another one or cannot be used, found by `Configurable.validate`.
public struct InvalidSetting: Error, Equatable, CustomStringConvertible {
    /// Path of the key relative to the group that found it, for example `normalization.alpha`.
    public var key: String
    /// What is wrong and what to do about it, as a sentence without the key.
    public var problem: String

    public init(_ key: String, _ problem: String) {
        self.key = key
        self.problem = problem
    }

    public var description: String { "\(key): \(problem)" }
}
