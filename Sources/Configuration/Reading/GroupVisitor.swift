/// Shows a group and every group in it.
struct GroupVisitor: FieldVisitor {
    /// Called with a group and its dotted path.
    let body: (any Configurable, String) throws -> Void
    private var path = ""

    init(_ body: @escaping (any Configurable, String) throws -> Void) { self.body = body }

    /// - Throws: What `visit` and the body throw.
    mutating func visit<Group: Configurable>(_ group: Group, path: String) throws {
        var copy = group
        let outer = self.path
        self.path = path
        defer { self.path = outer }
        try body(group, path)
        try copy.visit(&self)
    }

    /// The path of a key in a group.
    static func join(_ path: String, _ key: String) -> String {
        path.isEmpty || key.isEmpty ? path + key : "\(path).\(key)"
    }

    mutating func group<Group: Configurable>(_ key: String, _ value: inout Group, _ help: String) throws {
        try visit(value, path: Self.join(path, key))
    }

    mutating func groups<Group: Configurable>(_ key: String, _ value: inout [Group], _ help: String) throws {
        for (index, group) in value.enumerated() {
            try visit(group, path: Self.join(path, "\(key).\(index)"))
        }
    }

    mutating func integer(_ key: String, _ value: inout Int, _ range: ClosedRange<Int>, _ help: String) throws {}
    mutating func integer(_ key: String, _ value: inout Int?, _ range: ClosedRange<Int>, _ help: String) throws {}
    mutating func integers(_ key: String, _ value: inout [Int], _ range: ClosedRange<Int>, _ help: String) throws {}
    mutating func number(_ key: String, _ value: inout Double, _ range: ClosedRange<Double>, _ help: String) throws {}
    mutating func number(_ key: String, _ value: inout Double?, _ range: ClosedRange<Double>, _ help: String) throws {}
    mutating func flag(_ key: String, _ value: inout Bool, _ help: String) throws {}
    mutating func text(_ key: String, _ value: inout String, _ help: String) throws {}
    mutating func text(_ key: String, _ value: inout String?, _ help: String) throws {}
    mutating func texts(_ key: String, _ value: inout [String], _ help: String) throws {}
    mutating func choice<Choice>(_ key: String, _ value: inout Choice, _ help: String) throws
    where Choice: RawRepresentable & CaseIterable & Sendable, Choice.RawValue == String {}
}
