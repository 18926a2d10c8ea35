package config
import ("testing";"fmt";"strings";"time";"os";"path/filepath";"bytes")
func TestStress(t *testing.T) {
	rep := func(n int, f string) string { var b strings.Builder; for i := range n { fmt.Fprintf(&b, strings.ReplaceAll(f,"@",fmt.Sprint(i))); b.WriteByte('\n') }; return b.String() }
	for name, src := range map[string]string{
		"tolist mixed": "locals {\n a = tolist([for i in range(1000) : [for j in range(18) : i % 2 == 0 ? {(tostring(i)) = j} : {b = \"x\"}]])\n}\n",
		"tolist mixed2": "locals {\n a = tolist(flatten([for i in range(500) : [for j in range(18) : jsondecode(\"{\\\"${i}\\\": ${j}}\")]]))\n}\n",
		"tolist mixed3": "locals {\n a = toset([for i in range(500) : i % 3 == 0 ? [[[i]]] : i % 3 == 1 ? [[\"a\"]] : [{a=1}]])\n}\n",
		"chain": "locals {\n"+rep(1,"a@ = 1")+func() string { var b strings.Builder; for i := 1; i < 40000; i++ { fmt.Fprintf(&b,"a%d = local.a%d + 1\n", 40000-i, 40000-i-1) }; return b.String() }()+"}\n",
		"wrong refs": "locals {\n"+rep(25000,"a@ = 1")+rep(25000,"b@ = local.c@")+"}\n",
		"unknown attrs": "experiment \"x\" {\n"+rep(80000,"a@ = 1")+"}\n",
		"functions": rep(20000,"function \"f@\" { source = \"f\" }"),
		"functions2": rep(20000,"function \"f@\" { image = \"f\" }"),
		"same functions": rep(20000,"function \"f\" { image = \"f\" }"),
		"backends": rep(30000,"backend \"wazero\" \"f@\" {}"),
		"blocks": rep(80000,"x@ {}"),
		"rules": hello+"matrix {\n"+rep(20000,"exclude { function = \"f@\" }")+"}\n",
		"rules2": hello+"matrix {\n"+rep(20000,"exclude { function = \"hell*@*\" }")+"}\n",
		"tuple": "locals {\n a = ["+rep(150000,"0,")+"]\n}\n",
		"heredocs": "locals {\n"+rep(30000,"a@ = <<E\n${1}\nE")+"}\n",
		"files": "locals {\n a = [for i in range(1000): file(\"x.hcl\")]\n}\n",
		"json": "locals {\n a = [for i in range(1000): jsondecode(jsonencode(range(1000)))]\n}\n",
		"csv": "locals {\n a = csvdecode(\"a\\n${join(\"\\n\", [for i in range(1000) : join(\"\\n\", range(200))])}\")\n}\n",
		"eq": "locals {\n a = [for i in range(1000) : range(1000)]\n}\n",
		"eq2": "locals {\n a = flatten([for i in range(18) : range(1000)])\n b = [for i in range(1000) : local.a == local.a]\n}\n",
		"traverse": "locals {\n a = flatten([for i in range(18) : range(1000)])\n b = [for i in range(1000) : local.a[0]]\n c = [for i in local.a : contains(local.a, i)] \n}\n",
		"sort": "locals {\n a = flatten([for i in range(18) : range(1000)])\n b = [for i in range(1000) : sort(local.a)]\n}\n",
		"merge": "locals {\n a = merge([for i in range(1000) : {for j in range(18): \"${i}-${j}\" => [for k in range(100): k]}]...)\n}\n",
		"setunion": "locals {\n a = toset(flatten([for i in range(18) : [for j in range(1000) : {a=i,b=j}]]))\n b = setsubtract(local.a, local.a)\n}\n",
		"zip": "locals {\n a = zipmap([for i in range(1000): tostring(i)], range(1000))\n b= [for i in range(1000): keys(local.a)]\n}\n",
		"numbers": "locals {\n a = [for i in range(1000) : pow(7, 300) / (i+1) * pow(3, 300)]\n}\n",
		"title": "locals {\n a = [for i in range(1000) : substr(title(join(\" \", range(1000))), 3000, 1)]\n}\n",
		"regex": "locals {\n a = [for i in range(1000) : regexall(\"(a|b|c)*d{100}\", join(\" \", range(100)))]\n}\n",
		"nulls": "locals {\n a = null\n b = [for i in local.a : i]\n c = local.a + 1\n d = \"${local.a}\"\n e = local.a.x\n f = local.a[*]\n g = {for i in [null] : i => i}\n h = [null][null]\n i = null ? 1 : 2\n j = upper(null)\n k = join(null, [null])\n l = format(null)\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.hcl")
			os.WriteFile(file, []byte(src), 0o644)
			s := time.Now()
			x, ps := language().Load(file, Inputs{})
			d := time.Since(s)
			var b bytes.Buffer
			s = time.Now()
			ps.Write(&b, 80, false)
			msg := ""
			for _, d := range ps.Diagnostics { if !strings.HasPrefix(d.Summary, "No ") { msg = d.Error(); break } }
			fmt.Printf("%-16s %8d B %v write %v %d problems %v: %.160s\n", name, len(src), d.Round(time.Millisecond), time.Since(s).Round(time.Millisecond), len(ps.Diagnostics), x != nil, strings.ReplaceAll(msg, filepath.Dir(file), ""))
		})
	}
}
