/**
 * What a model reads when it is calibrated: about 2,000 tokens, written for this purpose. Prose, talk, instructions, code,
 * figures and lists, since channels that stay quiet in one kind of text are loud in another.
 */
export const calibrationText = `The ferry left at six, as it had every morning since the bridge was closed. Marta stood at the rail with her collar up and counted the buoys, because counting was easier than thinking about the letter in her pocket. There were eleven. On the far bank the cranes of the shipyard had begun to move, slowly, like large animals that have slept badly. "You'll miss your tram," said the deckhand, who knew everyone's hours. "Then I'll walk," she said. "It's only rain."

She had never liked the house on Linden Street. It was too tall for its width, and the stairs turned so sharply that no piece of furniture had ever reached the third floor in one part. Her grandfather had bought it with the money from a patent: a valve, no bigger than a thumb, that kept brewery kettles from boiling over. For thirty years every kettle in the province had one. Then somebody found a cheaper way, and the money stopped, but the house stayed, and so did the habit of talking about it as though it were a person.

How to bake a plain loaf
1. Mix 500 g of flour, 350 g of water at about 30 °C, 10 g of salt and 3 g of dry yeast. The dough should be sticky but not wet.
2. Let it rest for 20 minutes, then fold it four times: stretch one side, lay it over the middle, turn the bowl by a quarter.
3. Wait until it has doubled. In a cool kitchen (18 °C) that takes three to four hours, in summer less than two.
4. Shape it, put it into a floured basket, and heat the oven to 240 °C with a closed iron pot inside.
5. Bake it in the pot for 25 minutes with the lid on and 20 without. Do not cut it while it is hot, however good it smells.

Question: Why does the Moon always show us the same side?
Answer: Because it turns once around its own axis in exactly the time that it takes to go once around the Earth, about 27.3 days. This is no coincidence. The Earth's gravity pulls a little harder on the near side of the Moon than on the far side, and that difference stretched the young Moon and slowed its spin until both periods agreed. Most large moons in the solar system are locked in the same way. Seen from the Moon, the Earth hangs at nearly the same place in the sky, and only its phases change.

Here is a function that finds the longest run of equal values in a list:

def longest_run(values):
    best_start, best_length = 0, 0
    start = 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[start]:
            if i - start > best_length:
                best_start, best_length = start, i - start
            start = i
    return values[best_start:best_start + best_length]

assert longest_run([3, 3, 1, 1, 1, 2]) == [1, 1, 1]
assert longest_run([]) == []

It looks at each element once, so it takes time proportional to n and no memory beyond three integers. If two runs are equally long, the earlier one wins; replace ">" by ">=" to get the later one.

Dear Mr. Okafor,
thank you for your message of 14 March. We have looked into the two invoices that you mention (no. 20871 and no. 20894). The first was paid on 2 February; the second contains an error on our side: the discount of 12.5 % was applied to the freight as well. A corrected invoice over $1,846.30 is attached. Please accept our apologies, and do not hesitate to call me if anything is still unclear.
Kind regards,
Helene Brandt, Accounts

The history of the lighthouse is a history of fuel. The first keepers burned wood, then coal, in open baskets that needed more than a tonne on a stormy night and were often invisible in the very rain that made them necessary. Oil lamps with glass chimneys arrived in the 1780s; twenty years later, rows of silvered mirrors gathered their light into a beam. The great step came in 1823, when lenses built of concentric rings, thin enough to be carried up a spiral staircase, threw a flame's light as far as the curve of the Earth would let it travel. Electricity, when it came, changed less than one would think: the same lenses still turn in many towers, with a lamp of 250 watts where once there were five wicks.

{"id": 4127, "name": "garden sensor", "online": true, "readings": [{"time": "2031-05-04T06:00:00Z", "soil": 0.31, "air": 11.8}, {"time": "2031-05-04T07:00:00Z", "soil": 0.30, "air": 13.2}], "owner": null}

User: I have two job offers. One pays more, the other is closer to what I studied. How should I decide?
Assistant: There is no rule that fits everyone, but a few questions help. First, would the lower salary still cover what you need, with something left to save? If not, the choice is made. Second, which job would teach you more in the first two years? Early on, what you learn is often worth more than what you earn. Third, who would you work with? Ask to meet the team, and notice whether people speak freely in front of their manager. Finally, imagine that each offer were withdrawn tomorrow. The one whose loss would hurt more is probably the one you want.
User: That last one helped. Thanks!
Assistant: You're welcome, and good luck with whichever you take.

In a right triangle with legs a and b and hypotenuse c, a^2 + b^2 = c^2. To see it, draw a square of side a + b and place four copies of the triangle in its corners so that a tilted square of side c is left in the middle. The area of the large square is (a + b)^2 = a^2 + 2ab + b^2; the four triangles together have area 4 * (ab / 2) = 2ab; what remains is c^2 on one side and a^2 + b^2 on the other. With a = 5 and b = 12 we get 25 + 144 = 169, so c = 13.

Soils hold more carbon than all plants and the whole atmosphere together. Whether they keep it depends on what lives in them. Fungi wrap roots in a felt of threads and trade phosphorus for sugar; earthworms drag leaves underground and mix them with clay; bacteria take apart whatever the others leave. Where the ground is ploughed every year, air reaches the old, dark layers, and part of what was stored for centuries is breathed out within a few seasons. Farmers who sow into the stubble of the last crop lose less of it, use less diesel, and after some years often find that water sinks in where it used to run off.

| City | Population | Area (km2) | Founded |
| Velden | 48,210 | 61.4 | 1287 |
| Norrhamn | 312,775 | 204.0 | 1542 |
| Castelfiume | 1,094,330 | 398.7 | before 300 BC |

"Nobody wins at this game," the old man said, and moved his last black stone to the edge of the board. "You only lose more slowly, or more beautifully." The boy frowned. He had been taught to count territory, to think twelve moves ahead, to fear the corners. Nobody had told him about beauty. Outside, a dog was barking at the fog. He reached for the bowl, changed his mind, folded his hands in his lap, and for the first time that evening looked not at the stones but at the empty places between them.

SELECT c.name, COUNT(*) AS orders, SUM(o.total) AS revenue FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.placed_at >= '2030-01-01' GROUP BY c.name HAVING SUM(o.total) > 1000 ORDER BY revenue DESC LIMIT 20;

Le train de nuit arrive à sept heures. Wer früh aufsteht, sieht die Berge im ersten Licht. El café está caliente y el pan es de ayer. These three sentences have nothing in common but the morning.
`;
