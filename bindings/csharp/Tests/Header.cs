using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;

/// <summary>
/// include/lanparty.h as text: constants, structs with their layout, functions with their parameters.
/// </summary>
internal sealed class Header
{
    internal sealed class Field
    {
        internal string Type, Name;
        internal int Count = 1, Offset, Size;
    }

    internal sealed class Struct
    {
        internal string Name;
        internal int Size, Align = 1;
        internal readonly List<Field> Fields = new List<Field>();
    }

    internal sealed class Function
    {
        internal string Name, Result;
        internal List<string> Parameters;
    }

    internal readonly Dictionary<string, long> Constants = new Dictionary<string, long>();
    internal readonly Dictionary<string, Struct> Structs = new Dictionary<string, Struct>();
    internal readonly Dictionary<string, Function> Functions = new Dictionary<string, Function>();

    internal static Header Read()
    {
        Check.That(Settings.Root != null, "the repository's root is not known: give --root or LANPARTY_ROOT");
        string path = Path.Combine(Settings.Root, "include", "lanparty.h");
        Check.That(File.Exists(path), $"{path} does not exist");
        return new Header(File.ReadAllText(path));
    }

    internal Header(string text)
    {
        text = Regex.Replace(text, @"/\*.*?\*/|//[^\n]*", " ", RegexOptions.Singleline);
        foreach (Match define in Regex.Matches(
            text, @"^[ \t]*#[ \t]*define[ \t]+(LANPARTY_\w+)[ \t]+(\S.*?)[ \t]*\r?$", RegexOptions.Multiline))
            if (Number(define.Groups[2].Value) is long value) Constants[define.Groups[1].Value] = value;
        text = Regex.Replace(text, @"^[ \t]*#.*$", "", RegexOptions.Multiline);

        foreach (Match match in Regex.Matches(text, @"typedef\s+struct\s*\w*\s*\{([^}]*)\}\s*(lanparty_\w+)\s*;"))
            AddStruct(match.Groups[2].Value, match.Groups[1].Value);
        text = Regex.Replace(text, @"typedef[^;{]*(\{.*?\}[^;]*)?;", "", RegexOptions.Singleline);

        foreach (Match match in Regex.Matches(text, @"([\w\s\*]+?)\b(lanparty_\w+)\s*\(([^;{}]*)\)\s*;"))
        {
            string result = Spaces(match.Groups[1].Value);
            string inner = match.Groups[3].Value.Trim();
            Functions[match.Groups[2].Value] = new Function
            {
                Name = match.Groups[2].Value,
                Result = result,
                Parameters = inner == "void" || inner == "" ? new List<string>() : inner.Split(',').Select(TypeOf).ToList(),
            };
        }
    }

    private static long? Number(string text)
    {
        text = text.Trim('(', ')', ' ').TrimEnd('u', 'U', 'l', 'L');
        if (text == "UINT32_MAX") return uint.MaxValue;
        if (text == "SIZE_MAX") return -1;
        CultureInfo invariant = CultureInfo.InvariantCulture;
        if (text.StartsWith("0x") && long.TryParse(text.Substring(2), NumberStyles.HexNumber, invariant, out long hex))
            return hex;
        return long.TryParse(text, NumberStyles.AllowLeadingSign, invariant, out long value) ? value : (long?)null;
    }

    private static string Spaces(string text)
    {
        text = Regex.Replace(text, @"\s+", " ").Trim();
        return Regex.Replace(text, @"\s*\*\s*", "*").Replace("extern ", "");
    }

    /// <summary>"const char *path" to "const char*"; an array parameter is a pointer.</summary>
    private static string TypeOf(string parameter)
    {
        string text = Spaces(parameter);
        Match array = Regex.Match(text, @"^(.*)\[\s*\w*\s*\]$");
        if (array.Success) text = Regex.Replace(array.Groups[1].Value.Trim(), @"\s*\w+$", "*");
        else text = Regex.Replace(text, @"(?<=[\*\s])\w+$", "");
        return Spaces(text);
    }

    private void AddStruct(string name, string body)
    {
        var result = new Struct { Name = name };
        int offset = 0;
        foreach (string declaration in body.Split(';').Select(d => d.Trim()).Where(d => d.Length > 0))
        {
            Match function = Regex.Match(declaration, @"\(\s*\*\s*(\w+)\s*\)\s*\(");
            if (function.Success)
            {
                Place(result, new Field { Type = "function*", Name = function.Groups[1].Value }, ref offset);
                continue;
            }
            Match first = Regex.Match(declaration, @"^((?:const\s+|struct\s+)*\w+)\s*(.*)$", RegexOptions.Singleline);
            foreach (string declarator in first.Groups[2].Value.Split(','))
            {
                Match d = Regex.Match(declarator, @"^\s*(\**)\s*(?:const\s+)?(\w+)\s*(?:\[\s*(\w+)\s*\])?\s*$");
                Check.That(d.Success, $"{name}: cannot read '{declaration}'");
                var field = new Field { Type = Spaces(first.Groups[1].Value) + d.Groups[1].Value, Name = d.Groups[2].Value };
                string count = d.Groups[3].Value;
                if (count != "") field.Count = (int)(Number(count) ?? Constants[count]);
                Place(result, field, ref offset);
            }
        }
        result.Size = (offset + result.Align - 1) / result.Align * result.Align;
        Structs[name] = result;
    }

    /// <summary>The C rules of layout, which are the same wherever this runs.</summary>
    private static void Place(Struct target, Field field, ref int offset)
    {
        int size = SizeOf(field.Type);
        offset = (offset + size - 1) / size * size;
        field.Offset = offset;
        field.Size = size * field.Count;
        offset += field.Size;
        target.Align = Math.Max(target.Align, size);
        target.Fields.Add(field);
    }

    private static int SizeOf(string type)
    {
        if (type.EndsWith("*") || type == "size_t" || Regex.IsMatch(type, @"^lanparty_\w+_fn$")) return IntPtr.Size;
        switch (type)
        {
            case "char": case "uint8_t": return 1;
            case "int32_t": case "uint32_t": case "lanparty_status": return 4;
            case "int64_t": case "uint64_t": return 8;
            default: throw new CheckFailed($"a field of type {type}");
        }
    }
}
