import CommandLineTool
import Foundation

exit(await MeridianTool.run(Array(CommandLine.arguments.dropFirst())))
