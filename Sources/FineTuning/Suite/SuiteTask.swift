import Configuration
import Foundation

/// A task of a suite.
public struct SuiteTask: Sendable, Equatable {
    /// In tables, and of its folder.
    public var name: String
    public var configuration: FineTuningConfiguration
    /// Whether its file, or a setting of all tasks, names a learning rate.
    public var namesLearningRate: Bool

    public init(name: String, configuration: FineTuningConfiguration, namesLearningRate: Bool = false) {
        self.name = name
        self.configuration = configuration
        self.namesLearningRate = namesLearningRate
    }

    private static func namesLearningRate(_ file: String?, settings: [String]) throws -> Bool {
        try ConfigurationReader.peek(
            "training.peak_learning_rate", yaml: try file.map { try ConfigurationReader.text(ofFile: $0) } ?? "",
            origin: file ?? "the command line", overrides: settings) != nil
    }

    /// The tasks of a folder, by name: files NAME.yaml, and folders NAME with labelled texts named train, validation (or dev)
    /// and test, and a task.yaml for what is special about them.
    ///
    /// - Parameter settings: key=value each, over those of every task.
    /// - Throws: `TaskError` for a folder without tasks or two tasks of one name; `ConfigurationError`.
    public static func tasks(in folder: String, settings: [String]) throws -> [SuiteTask] {
        let manager = FileManager.default
        func entries(_ path: String) throws -> [String] {
            do {
                return try manager.contentsOfDirectory(atPath: path).sorted().filter { !$0.hasPrefix(".") }
            } catch {
                throw TaskError.file(path: path, "is no folder that can be read; name one with tasks")
            }
        }
        var tasks: [SuiteTask] = []
        for entry in try entries(folder) {
            let path = (folder as NSString).appendingPathComponent(entry)
            var isFolder: ObjCBool = false
            guard manager.fileExists(atPath: path, isDirectory: &isFolder) else { continue }
            if isFolder.boolValue {
                let names = try entries(path)
                if let configuration = try configuration(path, names, settings: settings) {
                    let file = names.first { $0 == taskFile }.map { (path as NSString).appendingPathComponent($0) }
                    tasks.append(
                        SuiteTask(
                            name: entry, configuration: configuration,
                            namesLearningRate: try namesLearningRate(file, settings: settings)))
                }
            } else if ["yaml", "yml"].contains((entry as NSString).pathExtension) {
                tasks.append(
                    SuiteTask(
                        name: (entry as NSString).deletingPathExtension,
                        configuration: try FineTuningConfiguration(
                            taskFile: path, settings: settings, sharesSettings: true),
                        namesLearningRate: try namesLearningRate(path, settings: settings)))
            }
        }
        if tasks.isEmpty {
            throw TaskError.file(
                path: folder,
                "holds no tasks: files NAME.yaml, or folders with train.jsonl (.tsv, .csv; plain or compressed), and "
                    + "validation and test beside it")
        }
        for (index, task) in tasks.enumerated() where tasks[..<index].contains(where: { $0.name == task.name }) {
            throw TaskError.file(path: folder, "holds two tasks named \(task.name); rename the file or the folder")
        }
        return tasks
    }

    /// What is special about a folder's task.
    private static let taskFile = "task.yaml"

    /// - Returns: nil for a folder that is no task's.
    private static func configuration(
        _ folder: String, _ names: [String], settings: [String]
    ) throws -> FineTuningConfiguration? {
        func path(_ name: String) -> String { (folder as NSString).appendingPathComponent(name) }
        let file = names.first { $0 == taskFile }.map(path)
        let yaml = try file.map { try ConfigurationReader.text(ofFile: $0) } ?? ""
        /// The file of a part, unless the task's file names one.
        func part(_ key: String, _ stems: [String]) throws -> String? {
            if try ConfigurationReader.names(key, yaml: yaml, origin: file ?? folder) { return nil }
            let found = names.filter { name in
                TaskTable.Form(ofFile: name) != nil && stems.contains(String(name.prefix { $0 != "." }))
            }
            if found.count > 1 {
                throw TaskError.file(
                    path: folder, "holds \(found.joined(separator: " and ")); name one of them as \(key) in task.yaml")
            }
            return found.first.map(path)
        }
        let train = try part("train", ["train"])
        if file == nil, train == nil { return nil }
        return try FineTuningConfiguration(
            taskFile: file, train: train, validation: try part("validation", ["validation", "dev"]),
            test: try part("test", ["test"]), settings: settings, sharesSettings: true)
    }
}
