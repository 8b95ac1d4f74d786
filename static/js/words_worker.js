// Searches lists of tags, away from the page's thread: a list has 100,000 rows and more.
//
// In:  {"list": id, "text": CSV} puts a list in, an empty text takes it out
//      {"id": number, "query": text, "most": number} asks
// Out: {"id": number, "found": [[tag, count, alias], …]}, the best first; `alias` is the one that was found, or empty
//
// A row is `name,category,count,"alias,alias"`, as tag packs have it. All but the name may be missing; texts in place of
// numbers are other names, such as translations. Rows of one name are one tag.

const LONGEST = 120; // characters of a name
const lists = new Map(); // by id: its rows
let tags = null; // of all lists, most used first: {name, key, count, others, aliases}

const plain = (text) => text.normalize("NFKC").toLowerCase().trim().replace(/\s+/g, "_");
const NUMBER = /^-?\d+$/;

/** The fields of one line; quotes as in CSV. */
function fieldsOf(line) {
  if (!line.includes('"')) return line.split(",");
  const fields = [];
  for (let at = 0; at <= line.length;) {
    if (line[at] === '"') {
      let text = "";
      for (at += 1; at < line.length; at += 1) {
        if (line[at] !== '"') text += line[at];
        else if (line[at + 1] === '"') text += line[at++];
        else break;
      }
      fields.push(text);
      at = line.indexOf(",", at);
      if (at < 0) break;
      at += 1;
    } else {
      const end = line.indexOf(",", at);
      fields.push(line.slice(at, end < 0 ? undefined : end));
      if (end < 0) break;
      at = end + 1;
    }
  }
  return fields;
}

/** The tags of a list: `[name, count, other names]`. */
function rowsOf(text) {
  const rows = [];
  for (const line of text.split(/\r?\n/)) {
    const [first, category = "", count = "", aliases = ""] = fieldsOf(line);
    const name = first.trim();
    if (!name || name.length > LONGEST) continue;
    if (!rows.length && !NUMBER.test(count) && /^(tag|name)s?$/i.test(name) && category) continue; // the names of columns
    const others = [category, count].map((item) => item.trim()).filter((item) => item && !NUMBER.test(item));
    if (aliases) others.push(...aliases.split(",").map((item) => item.trim()).filter(Boolean));
    rows.push([name, NUMBER.test(count) ? Number(count) : 0, others]);
  }
  return rows;
}

function collected() {
  const known = new Map();
  for (const [name, count, others] of [...lists.values()].flat()) {
    const key = plain(name);
    const tag = known.get(key);
    if (!tag) {
      known.set(key, { name, key, count, others });
      continue;
    }
    tag.count = Math.max(tag.count, count);
    tag.others = [...tag.others, ...others];
  }
  const all = [...known.values()].sort((one, other) => other.count - one.count);
  for (const tag of all) tag.aliases = tag.others.length ? `,${tag.others.map(plain).join(",")},` : "";
  return all;
}

/** Tags of this name, then those that begin with the text, then other names, then those that have it inside. */
function search(query, most) {
  tags ??= collected();
  const wanted = plain(query);
  if (!wanted) return [];
  const [same, begins, others, words, inside, deep] = [[], [], [], [], [], []];
  for (const tag of tags) {
    const at = tag.key.indexOf(wanted);
    if (at === 0) (tag.key === wanted ? same : begins).push(tag);
    else if (tag.aliases.includes(`,${wanted}`)) others.push(tag);
    else if (at > 0) (/[_(:/-]/.test(tag.key[at - 1]) ? words : inside).push(tag);
    else if (tag.aliases.includes(wanted)) deep.push(tag);
    if (begins.length >= most) break;
  }
  const found = [same, begins, others, words, inside, deep].flat().slice(0, most);
  return found.map((tag) => [tag.name, tag.count, aliasOf(tag, wanted)]);
}

function aliasOf(tag, wanted) {
  if (tag.key.includes(wanted)) return "";
  return tag.others.find((other) => plain(other).startsWith(wanted)) ?? tag.others.find((other) => plain(other).includes(wanted)) ?? "";
}

onmessage = ({ data }) => {
  if (data.list === undefined) {
    postMessage({ id: data.id, found: search(data.query, data.most) });
    return;
  }
  if (data.text) lists.set(data.list, rowsOf(data.text));
  else lists.delete(data.list);
  tags = null;
};
