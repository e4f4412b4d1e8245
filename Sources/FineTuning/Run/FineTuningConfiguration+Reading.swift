import Configuration
import Files
import Foundation

extension FineTuningConfiguration {
    /// Reads a task's file; paths in it are relative to its folder.
    ///
    /// - Parameters:
    ///   - taskFile: nil for nothing but the defaults.
    ///   - train: a file named beside the task's, as are `validation` and `test`; each wins over what the task's file says.
    ///   - settings: key=value each, over the file's.
    /// - Throws: `ConfigurationError`, `FileFailure`.
    public init(
        taskFile: String?, train: String? = nil, validation: String? = nil, test: String? = nil, settings: [String] = []
    ) throws {
        self.init()
        // What is named beside the file has to be there before the file is found wanting.
        task.train = train ?? ""
        try ConfigurationReader.read(
            yaml: try taskFile.map { try ConfigurationReader.text(ofFile: $0) } ?? "",
            origin: taskFile ?? "the command line", overrides: settings, into: &self)
        if let taskFile {
            let folder = PathParts.folder(of: taskFile)
            func relative(_ path: String) -> String {
                let path = HomeFolder.expanded(path)
                return path.hasPrefix("/") || folder.isEmpty ? path : (folder as NSString).appendingPathComponent(path)
            }
            task.train = relative(task.train)
            task.validation = task.validation.map(relative)
            task.test = task.test.map(relative)
        }
        if let train { task.train = HomeFolder.expanded(train) }
        if let validation { task.validation = HomeFolder.expanded(validation) }
        if let test { task.test = HomeFolder.expanded(test) }
    }
}
