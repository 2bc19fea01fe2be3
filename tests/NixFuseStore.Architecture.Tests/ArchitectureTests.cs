using System.Xml.Linq;

namespace NixFuseStore.Architecture.Tests;

/// <summary>The walls between the folders of each project are where its <c>ARCHITECTURE.md</c> says.</summary>
public class ArchitectureTests
{
    private static readonly string[] Parts = ["src", "client", "server"];

    private static readonly string Root = FindRoot();

    public static TheoryData<string> Projects => [.. ProjectFiles().Select(static file => Path.GetRelativePath(Root, Path.GetDirectoryName(file)!))];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_KeepsItsWalls(string project)
    {
        var (directory, code) = Load(project);
        var page = Path.Combine(directory, ArchitecturePage.FileName);
        if (code.Folders.Count < 2 && !File.Exists(page))
        {
            return;
        }

        Assert.True(File.Exists(page), $"{project} has {code.Folders.Count} folders and no {ArchitecturePage.FileName}");
        var complaints = ArchitecturePage.Parse(File.ReadAllText(page)).Compare(code).ToArray();
        Assert.True(complaints.Length == 0, $"{project}/{ArchitecturePage.FileName} and the code differ:\n{string.Join('\n', complaints)}");
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void PartsOfAType_LieSideBySide(string project) => Assert.Empty(Load(project).Code.Spread);

    [Fact]
    public void PlantedCircle_IsSeen()
    {
        var code = ProjectCode.Read(typeof(ArchitectureTests).Assembly.Location, Path.Combine(Root, "tests", "NixFuseStore.Architecture.Tests", "Planted"));
        Assert.Equal(["Left", "Right"], code.Folders);
        var page = ArchitecturePage.Parse("- `Left` holds a thing; may use `Right`.\n- `Right` holds another; uses none.\n");
        var complaint = Assert.Single(page.Compare(code));
        Assert.StartsWith("Right may not use Left, and does", complaint, StringComparison.Ordinal);

        var allowing = ArchitecturePage.Parse("- `Left` holds a thing; may use `Right`.\n- `Right` holds another;\n  may use `Left`.\n");
        Assert.Equal(["a circle: Left, Right, Left"], allowing.Compare(code));
    }

    [Fact]
    public void Page_WithLinesThatDoNotFit_IsToldSo()
    {
        var code = ProjectCode.Read(typeof(ArchitectureTests).Assembly.Location, Path.Combine(Root, "tests", "NixFuseStore.Architecture.Tests", "Planted"));
        var page = ArchitecturePage.Parse("- `Left` holds a thing; may use `Gone`, `Right`.\n- `Old` holds nothing; uses none.\n");
        Assert.Equal(
            [
                "no line about Right",
                "a line about Old, which has no code",
                "Gone is allowed to be used, and has no line",
                "Right is allowed to be used, and has no line",
                "Left may use Gone, and does not",
                "Left may use Right, and does not",
            ],
            page.Compare(code));
        Assert.Throws<FormatException>(static () => ArchitecturePage.Parse("- `Left` is nice.\n"));
        Assert.Throws<FormatException>(static () => ArchitecturePage.Parse("- `Left` holds a; uses none.\n- `Left` holds b; uses none.\n"));
    }

    private static (string Directory, ProjectCode Code) Load(string project)
    {
        var directory = Path.Combine(Root, project);
        var name = Path.GetFileName(directory);
        var properties = XDocument.Load(Path.Combine(directory, name + ".csproj"));
        var assembly = properties.Descendants("AssemblyName").FirstOrDefault()?.Value ?? name;
        return (directory, ProjectCode.Read(Path.Combine(AppContext.BaseDirectory, assembly + ".dll"), directory));
    }

    private static IEnumerable<string> ProjectFiles() =>
        Parts.SelectMany(static part => Directory.EnumerateFiles(Path.Combine(Root, part), "*.csproj", SearchOption.AllDirectories)).Order(StringComparer.Ordinal);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "NixFuseStore.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("the tests do not lie in their repository");
    }
}
