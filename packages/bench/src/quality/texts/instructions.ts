/** How something is done: recipes, manuals, rules, a contract, an exercise. */
export const instructions = `Lentil soup with burnt lemon (for four people, about 50 minutes)

You need: 300 g of brown lentils, 2 onions, 3 carrots, 2 stalks of celery, 4 cloves of garlic, 1 teaspoon of cumin seeds, 1 tablespoon of tomato paste, 1.5 litres of vegetable stock, 1 bay leaf, 2 lemons, olive oil, salt, and a bunch of parsley.

Rinse the lentils and pick out any stones. Chop the onions, carrots and celery as finely as you have patience for. Heat four tablespoons of oil in a heavy pot and cook the vegetables over a low flame for a quarter of an hour, stirring now and then; they should become soft and sweet, but hardly brown. Add the garlic and the cumin, and a minute later the tomato paste. When the paste begins to stick to the bottom and smells roasted, pour in the stock and scrape the bottom clean with a wooden spoon. Add the lentils and the bay leaf and let everything simmer, half covered, until the lentils are tender: between 25 and 35 minutes, depending on their age. Do not salt before they are soft.

Meanwhile cut the lemons in half and lay them, cut side down, in a dry pan over the highest heat you have. Leave them alone until they are black at the edges. Squeeze two of the halves into the soup, taste, salt, taste again. Serve with the other halves, the parsley, and a thread of oil. The soup is better on the second day; it thickens overnight, so thin it with a little water before you warm it up.

Replacing the battery of the hearing loop receiver

WARNING: Use only lithium cells of type CR2450. Never heat, open or short-circuit a cell. Keep cells out of the reach of children; if one has been swallowed, see a doctor at once.

1. Switch the receiver off and wait until the green light has gone out.
2. Turn it over. Press the tab marked A and slide the cover towards the cord.
3. Lift the old cell out with a fingernail or a wooden pick. Do not use anything made of metal.
4. Insert the new cell with the side marked "+" facing you. You should feel it click.
5. Close the cover. Hold the power button for three seconds. The light blinks twice if the cell is good and five times if it is nearly empty.
6. If the light stays red, the contacts are dirty. Wipe them with a dry cotton cloth and go back to step 4.

A new cell lasts for about 180 hours of listening. At temperatures below 5 °C it may last for less than half of that.

House rules of the Alder Street workshop

The workshop belongs to everybody who pays for it, so leave it as you would like to find it. Nobody uses the table saw, the lathe or the welding set without having been shown how by one of the people listed on the door, and nobody uses them alone in the building, however experienced. Long hair is tied back, rings come off, gloves are never worn near anything that spins. Offcuts longer than your forearm go into the rack; everything shorter is firewood for the stove, unless it is painted, glued or pressure-treated, in which case you take it home. If you break a tool, write it on the board. You will not be asked to pay for it, but you will be asked to explain it, because the next person may be about to do the same. Guests are welcome, children are welcome, music is welcome until somebody says that it is not. The last one to leave empties the dust collector, checks the stove, and turns the main switch. If you are not sure whether you are the last one, you are.

5. Term and termination. (a) This agreement begins on the date of the last signature and continues for twelve months. It is renewed for further periods of twelve months unless one of the parties gives notice in writing at least sixty days before the end of the current period. (b) Either party may terminate this agreement with immediate effect if the other commits a material breach and fails to remedy it within thirty days of having been asked to do so. Failure to pay an undisputed amount is a material breach. (c) On termination the Licensee shall cease to use the Software, shall delete all copies of it except those that must be kept by law, and shall confirm this in writing. Sections 7 (Confidentiality), 9 (Limitation of liability) and 12 (Governing law) survive termination for whatever reason.

How to sharpen a kitchen knife on a stone

Soak the stone for ten minutes if it is a water stone; a diamond plate is used dry or with a few drops of water. Put it on a damp towel so that it cannot slide. Lay the knife on the stone, lift the back until a matchbook would just fit under it, and remember that angle, because keeping it matters far more than whether it is fifteen degrees or twenty. Push the edge away from you along the whole length of the stone as though you wanted to shave a thin slice from it, and at the same time draw the knife sideways, so that every part of the edge from heel to tip touches the stone once. After ten strokes feel, very lightly and always moving away from the edge, for the burr on the other side. It is a roughness so fine that you may doubt it. When it can be felt everywhere, turn the knife over and do the same. Then change to the finer stone and repeat everything with half the pressure. To finish, draw the knife backwards over a strip of leather, five times a side. A sharp knife cuts a ripe tomato by its own weight; if yours needs a push, you stopped before the burr had formed, which is the mistake that everybody makes.

Exercise 14. A water tank has the shape of a cone standing on its tip, 3 m high and with a radius of 1.2 m at the top. Water flows in at 0.05 cubic metres per minute. How fast does the level rise when the water is 2 m deep?
Solution. By similar triangles the radius of the surface at depth h is r = 1.2 h / 3 = 0.4 h. The volume is V = (1/3) pi r^2 h = (0.16 / 3) pi h^3. Differentiate with respect to time: dV/dt = 0.16 pi h^2 dh/dt. With dV/dt = 0.05 and h = 2 we get dh/dt = 0.05 / (0.16 * pi * 4) = 0.05 / 2.0106 = 0.0249 m per minute, so the level rises by about two and a half centimetres a minute. Note that the height of the tank matters only through the ratio of radius to height: a taller cone with the same opening angle would give the same answer.
`;
