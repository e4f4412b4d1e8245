/// Every key of a configuration with what there is to know about it, for `--help`-like lists and for the documentation.
public struct ConfigurationDocumentation: Sendable, Encodable {
    public var keys: [ConfigurationKey]

    /// - Parameter root: Its present values count as the defaults.
    /// - Throws: Only what `visit` throws.
    public init<Root: Configurable>(of root: Root) throws {
        keys = try SettingTree(describing: root).schemaFields().map(ConfigurationKey.init)
    }

    /// For people: every key with its default on a line, and below it type, range and help, within a width.
    ///
    /// - Parameter columns: the longest line, where words allow.
    public func text(columns: Int = 100) -> String {
        let width = keys.map(\.path.count).max() ?? 0
        return keys.map { key in
            let blanks = String(repeating: " ", count: width - key.path.count)
            let first = "\(key.path)\(blanks)  \(key.defaultValue)"
            let below = "\(key.help) (\(key.typeText))"
            return ([first] + Self.wrapped(below, to: max(40, columns) - 4).map { "    \($0)" })
                .joined(separator: "\n")
        }.joined(separator: "\n") + "\n"
    }

    private static func wrapped(_ text: String, to width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}

/// One key as the documentation shows it.
public struct ConfigurationKey: Sendable, Equatable, Codable {
    public enum ValueType: String, Sendable, Codable, CaseIterable {
        case integer, number, flag, text, texts, integers, choice, groups
    }

    /// Dotted path; `N` stands for the index of a list's element.
    public var path: String
    public var type: ValueType
    /// Whether `null` is allowed.
    public var isOptional: Bool
    /// Of integers and numbers; nil where there is no bound.
    public var minimum: Double?
    /// Of integers and numbers; nil where there is no bound.
    public var maximum: Double?
    /// Of choices; empty otherwise.
    public var choices: [String]
    /// As YAML on one line.
    public var defaultValue: String
    public var help: String

    /// Type and range in words: `integer from 1 to 10, or null`.
    public var typeText: String {
        var text =
            switch type {
            case .choice: choices.joined(separator: " | ")
            case .texts: "list of texts"
            case .integers: "list of integers"
            case .groups: "list of groups"
            case .flag: "true | false"
            default: type.rawValue
            }
        if let minimum, let maximum {
            text += " from \(YAMLScalar.text(minimum)) to \(YAMLScalar.text(maximum))"
        } else if let minimum {
            text += " of at least \(YAMLScalar.text(minimum))"
        } else if let maximum {
            text += " of at most \(YAMLScalar.text(maximum))"
        }
        return isOptional ? text + ", or null" : text
    }

    init(path: String, field: SettingTree.Field) {
        self.path = path
        help = field.help
        isOptional = false
        choices = []
        switch field.kind {
        case .integer(_, let range, let isOptional):
            type = .integer
            self.isOptional = isOptional
            minimum = range.lowerBound == .min ? nil : Double(range.lowerBound)
            maximum = range.upperBound == .max ? nil : Double(range.upperBound)
        case .number(_, let range, let isOptional):
            type = .number
            self.isOptional = isOptional
            minimum = range.lowerBound <= -.greatestFiniteMagnitude ? nil : range.lowerBound
            maximum = range.upperBound >= .greatestFiniteMagnitude ? nil : range.upperBound
        case .flag: type = .flag
        case .text(_, let isOptional):
            type = .text
            self.isOptional = isOptional
        case .texts: type = .texts
        case .integers(_, let range):
            type = .integers
            minimum = range.lowerBound == .min ? nil : Double(range.lowerBound)
            maximum = range.upperBound == .max ? nil : Double(range.upperBound)
        case .choice(_, let choices):
            type = .choice
            self.choices = choices
        case .group, .groups: type = .groups
        }
        let elements: Int? = if case .groups(let elements, _) = field.kind { elements.count } else { nil }
        defaultValue = field.valueText ?? "\(elements ?? 0) element\(elements == 1 ? "" : "s")"
    }
}
